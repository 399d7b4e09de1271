// A PostgreSQL of a test's own, for tests that stop it: prints its address and process, and ends with whoever started it.
import { startPostgres } from '../deploy/local/servers.mjs';
import fs from 'node:fs';

const { child, url, pidFile } = await startPostgres(process.argv[2] ?? '');
process.on('SIGTERM', () => void child.stop().then(() => process.exit(0)));
const pid = Number(fs.readFileSync(pidFile, 'utf8').split('\n')[0]);
process.stdout.write(`${JSON.stringify({ url, pid })}\n`);
