const TEXT = 0x1;
const FIN = 0x80;
const RSV1 = 0x40;

/**
 * The head of a WebSocket frame that holds a whole text and is not masked, as those of servers are (RFC 6455, 5.2).
 * @param isCompressed whether the text is deflated (RFC 7692).
 */
export function frameHead(length: number, isCompressed: boolean): Buffer {
  const first = FIN | TEXT | (isCompressed ? RSV1 : 0);
  if (length < 126) return Buffer.from([first, length]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}
