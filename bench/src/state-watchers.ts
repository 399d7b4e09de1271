// Clients of the WebSocket, in a process of their own. Says `watching` when all have the state, and at its end what came.
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';

const { LAPWING_URL = '', WATCHERS = '1', WATCHER_TOKENS = '', WATCHER_DELTAS = '' } = process.env;
const tokens = WATCHER_TOKENS.split(',');
const sums = { messages: 0, states: 0, bytes: 0, first: 0 };
const query = WATCHER_DELTAS === '' ? '' : '?deltas=1';

const clients = Array.from({ length: Number(WATCHERS) }, (_, index) => {
  const token = tokens[index % tokens.length] ?? '';
  const client = new WebSocket(`${LAPWING_URL.replace('http', 'ws')}/ws${query}`, {
    headers: { 'x-api-token': token },
  });
  client.on('error', (error) => process.stderr.write(`${error.message}\n`));
  client.on('message', (data: Buffer) => {
    const head = data.subarray(0, 40).toString();
    if (head.includes('"initialState"')) sums.first++;
    sums.messages++;
    sums.bytes += data.length;
    if (head.includes('"rawData"') || head.includes('"delta"')) sums.states++;
  });
  return client;
});
while (sums.first < clients.length) await pause(100);
Object.assign(sums, { messages: 0, states: 0, bytes: 0 });
process.stdout.write('watching\n');
process.on('SIGTERM', () => {
  const open = clients.filter(({ readyState }) => readyState === WebSocket.OPEN).length;
  process.stdout.write(`${JSON.stringify({ ...sums, open })}\n`, () => process.exit(0));
});
