// `npm run nats:keys -- FOLDER`: makes the keys with which NATS, the services and fleet know each other.
import path from 'node:path';
import { makeBusKeys } from './keys.js';

const [folder] = process.argv.slice(2);
if (!folder) {
  process.stderr.write('usage: npm run nats:keys -- FOLDER\n');
  process.exit(2);
}
await makeBusKeys(path.resolve(folder));
process.stdout.write(`the keys are in ${path.resolve(folder)}\n`);
