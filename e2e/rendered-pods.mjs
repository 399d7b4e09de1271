// What tests of manifests want, of scripts that they cannot import: prints what `kubectl kustomize` renders of the folders named, and where
// the programs are that stand in for those of images.
import { findServer } from '../deploy/local/binaries.mjs';
import { root } from '../deploy/local/options.mjs';
import { render } from '../deploy/kubernetes/tools.mjs';
import path from 'node:path';

const dataDir = path.join(root, '.data');
const rendered = process.argv.slice(2).map((folder) => render(path.join(root, folder)));
const programs = { nats: findServer('nats', dataDir), redis: findServer('redis', dataDir) };
process.stdout.write(JSON.stringify({ rendered, programs }));
