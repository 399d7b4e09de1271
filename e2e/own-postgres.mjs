// A PostgreSQL of a test's own, for tests that stop it: prints its address and process, and ends with whoever started it.
import { startPostgres } from '../deploy/local/servers.mjs';
import fs from 'node:fs';

const [home = '', ...settings] = process.argv.slice(2);
const more = Object.fromEntries(settings.map((setting) => setting.split('=')));
const { child, url, pidFile } = await startPostgres(home, undefined, more);
process.on('SIGTERM', () => void child.stop().then(() => process.exit(0)));
const pid = Number(fs.readFileSync(pidFile, 'utf8').split('\n')[0]);
process.stdout.write(`${JSON.stringify({ url, pid })}\n`);
