// What it costs that every request is verified: the same small answer without and with the guard, in turns over one connection.
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { line, median, percentile } from './report.js';

const ROUNDS = 3000;
const WARM_UP = 500;
const { LAPWING_URL = '', LAPWING_TOKEN = '' } = process.env;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const authorization = `Bearer ${LAPWING_TOKEN}`;

/** Milliseconds from sending to the end of the answer. */
async function ask(path: string, headers: Record<string, string>): Promise<number> {
  const begun = performance.now();
  const call = request(LAPWING_URL + path, { agent, headers }).end();
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode}`);
  return performance.now() - begun;
}

async function token(): Promise<string> {
  const answer = await fetch(`${LAPWING_URL}/api/security/tokens`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench' }),
  });
  return ((await answer.json()) as { token: string }).token;
}

const kinds = {
  'unguarded (/api/v1/health)': ['/api/v1/health', {}],
  'public, but limited (/api/version)': ['/api/version', {}],
  'verified session (/api/v1/auth/me)': ['/api/v1/auth/me', { authorization }],
  'verified API token (/api/v1/auth/me)': ['/api/v1/auth/me', { 'x-api-token': await token() }],
} as const;
const times = new Map<string, number[]>(Object.keys(kinds).map((kind) => [kind, []]));
for (let round = 0; round < WARM_UP + ROUNDS; round++)
  for (const [kind, [path, headers]] of Object.entries(kinds)) {
    const took = await ask(path, headers);
    if (round >= WARM_UP) times.get(kind)?.push(took);
  }
const base = median(times.get('unguarded (/api/v1/health)') ?? []);
for (const [kind, all] of times) {
  const middle = median(all);
  line(
    `${kind}, p50 (p99)`,
    `${middle.toFixed(2)} ms (${percentile(all, 0.99).toFixed(2)} ms), ${(middle - base).toFixed(2)} ms over unguarded`,
  );
}
agent.destroy();
process.exit(0);
