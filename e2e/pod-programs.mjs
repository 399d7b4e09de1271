// What tests of manifests need: prints where the programs are that stand in for images, and what was rendered of the folders named.
import { findServer } from '../deploy/local/binaries.mjs';
import { root } from '../deploy/local/options.mjs';
import path from 'node:path';

const dataDir = path.join(root, '.data');
process.stdout.write(JSON.stringify({ nats: findServer('nats', dataDir), redis: findServer('redis', dataDir) }));
