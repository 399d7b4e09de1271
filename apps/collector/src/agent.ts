// The agent of a host: everything of the collector, or with --docker-only what reports its containers to any server that
// speaks Pulse's protocol. With --self-test it only says which version it is: the agent asks a new one before it tries it.
// Nothing large may be imported here: another version may run in this process, see launcher.ts.
import { parseArgs } from 'node:util';
import { bundle } from './bundle.js';
import { launch } from './launcher.js';
import { launcherSettings } from './launcher-settings.js';

const option = { type: 'boolean', default: false } as const;
const { values } = parseArgs({ options: { 'docker-only': option, 'self-test': option } });
if (values['self-test']) await import('./self-test.js');
else if (values['docker-only']) await import('./docker-agent.js');
else if (
  !bundle ||
  !(await launch({ ...launcherSettings(process.env), baseVersion: bundle.version, baseKeys: bundle.keys }))
)
  await import('./main.js');
