import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** What may go wrong on demand. `hang`: it never answers; `huge`: 50 MB of JSON, streamed. */
export type Fault =
  | { kind: 'status'; status: 401 | 403 | 404 | 500 | 595 }
  | { kind: 'hang' }
  | { kind: 'html' }
  | { kind: 'brokenJson' }
  | { kind: 'huge' }
  | { kind: 'redirect'; to: string }
  | { kind: 'slow'; ms: number };

const reasons = {
  401: 'authentication failure',
  403: 'Permission check failed',
  404: 'Not Found',
  500: 'Internal Server Error',
  595: 'No route to host',
};
const json = { 'content-type': 'application/json;charset=UTF-8' };
const page = '<!DOCTYPE html>\n<html><head><title>Proxmox</title></head><body><div id="login"></div></body></html>\n';
const chunk = Buffer.alloc(1024 * 1024, 'x');
const chunks = 50;

/** Answers with a fault. */
export async function answerWrongly(fault: Exclude<Fault, { kind: 'slow' }>, response: ServerResponse): Promise<void> {
  switch (fault.kind) {
    case 'status': {
      const message = reasons[fault.status];
      response.writeHead(fault.status, message, json).end(JSON.stringify({ data: null, message }));
      return;
    }
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html; charset=UTF-8' }).end(page);
      return;
    case 'brokenJson':
      response.writeHead(200, json).end('{"data":[{"id":"node/pve1","status":"onl');
      return;
    case 'redirect':
      response.writeHead(302, { location: fault.to }).end();
      return;
    case 'huge':
      await answerHugely(response);
      return;
    case 'hang':
  }
}

async function answerHugely(response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.writeHead(200, json).write('{"data":"');
  for (let sent = 0; sent < chunks; sent++) {
    if (gone.signal.aborted) return;
    if (!response.write(chunk)) await once(response, 'drain', { signal: gone.signal }).catch(() => undefined);
  }
  response.end('"}');
}
