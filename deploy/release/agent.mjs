// The agent of a release: one file that knows its version and whom to believe, and beside it what the release's key says about it.
import { AGENT_STATEMENT, AgentStatement } from '@lapwing/contracts';
import { signEnvelope, verifyEnvelope } from '@lapwing/signing';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { root } from '../local/options.mjs';
import { LaunchError } from '../local/steps.mjs';
import { sha256Of } from './files.mjs';

/** @param {Pick<import('./stage.mjs').Stage, 'version' | 'to' | 'trusted' | 'keys' | 'agentStatement'>} options */
export async function makeAgent({ version, to, trusted, keys, agentStatement }) {
  const file = path.join(to, 'apps/collector/dist/agent/lapwing-agent.mjs');
  const { status } = spawnSync(process.execPath, ['deploy/local/agent.mjs'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      LAPWING_AGENT_VERSION: version,
      LAPWING_AGENT_KEYS: trusted.join(','),
      LAPWING_AGENT_OUT: path.resolve(file),
    },
  });
  if (status !== 0) throw new LaunchError('the bundler of the agent failed; see above');
  const statement = { schema: 1, version, size: fs.statSync(file).size, sha256: await sha256Of(file) };
  const signed = agentStatement ? signedBefore(agentStatement, statement, trusted) : sign(statement, keys);
  // An agent without a statement runs, but nobody is updated to it.
  if (signed !== undefined) fs.writeFileSync(`${file}.json`, signed);
}

/**
 * @param {object} statement
 * @param {string[]} keys
 */
function sign(statement, keys) {
  return keys.length > 0 ? `${JSON.stringify(signEnvelope(AGENT_STATEMENT, statement, keys))}\n` : undefined;
}

/**
 * What was signed when the release was first made, if it is about this very file.
 * @param {string} file
 * @param {object} statement
 * @param {string[]} trusted
 */
function signedBefore(file, statement, trusted) {
  const text = fs.readFileSync(file, 'utf8');
  if (!isDeepStrictEqual(verifyEnvelope(text, AGENT_STATEMENT, AgentStatement, trusted), statement))
    throw new LaunchError(`${file} is about another agent than the one that was made here`);
  return text;
}
