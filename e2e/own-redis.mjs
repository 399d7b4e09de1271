// A Redis of a test's own: prints its address, and ends with whoever started it.
import { startRedis } from '../deploy/local/servers.mjs';
import path from 'node:path';

const { child, url } = await startRedis(path.join(import.meta.dirname, '../.data'), process.argv[2] ?? '');
process.on('SIGTERM', () => void child.stop().then(() => process.exit(0)));
process.stdout.write(`${JSON.stringify({ url })}\n`);
