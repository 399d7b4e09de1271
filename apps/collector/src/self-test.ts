// Loads everything that the agent is made of, starts nothing, and says which version it is.
import { collectorVersion } from './version.js';

await import('./collector.module.js');
process.stdout.write(`${JSON.stringify({ version: collectorVersion })}\n`, () => process.exit(0));
