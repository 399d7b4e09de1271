import type { Socket } from 'node:net';

const REFUSALS: Record<string, { status: string; code: string; error: string }> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    code: 'TOO_LARGE',
    error: 'the path with its query and the headers may have at most 16 KiB together',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    code: 'TIMEOUT',
    error: 'the request took too long to come',
  },
};
const BROKEN = { status: '400 Bad Request', code: 'INVALID_INPUT', error: 'this is no HTTP request' };

/** Answers what is not even a request in the form of all errors, and ends the connection. */
export function answerBroken({ code }: { code?: string | undefined }, socket: Socket): void {
  if (code === 'ECONNRESET' || socket.destroyed) return;
  const { status, ...told } = REFUSALS[code ?? ''] ?? BROKEN;
  const body = JSON.stringify({ success: false, ...told, details: {} });
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}`;
  if (socket.writable) socket.write(`${head}\r\n\r\n${body}`);
  socket.destroy();
}
