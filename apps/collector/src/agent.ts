// The agent of a host: everything of the collector, or with --docker-only what reports its containers to any server that
// speaks Pulse's protocol.
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { 'docker-only': { type: 'boolean', default: false } } });
if (values['docker-only']) await import('./docker-agent.js');
else await import('./main.js');
