import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { lapwingRelease } from '../installation.js';
import { environmentOfStages } from './dockerfile.js';
import { imageOf, type Image, type Programs } from './images.js';
import { Objects } from './objects.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

/** Runs a script of the project, which tests cannot import. */
async function script(file: string, ...args: string[]): Promise<string> {
  const options = { cwd: root, maxBuffer: 2 ** 26 };
  return (await run(process.execPath, [path.join(root, file), ...args], options)).stdout;
}

/** What `npm run k8s:secrets` made. */
export interface Secrets {
  /** As `kubectl apply -f` takes them. */
  manifests: string;
  /** A value that its folder keeps, e.g. `admin-password`. */
  value: (name: string) => Promise<string>;
}

/** Makes the keys and passwords of an installation, as whoever installs does. */
export async function makeSecrets(folder: string): Promise<Secrets> {
  await script('deploy/kubernetes/secrets.mjs', folder);
  return {
    manifests: await readFile(path.join(folder, 'secrets.yaml'), 'utf8'),
    value: async (name) => (await readFile(path.join(folder, 'values', name), 'utf8')).trim(),
  };
}

/** Puts together what the image `lapwing` holds below /app, as its Dockerfile does. */
export async function stageImage(version: string, folder: string): Promise<void> {
  await lapwingRelease('stage', '--version', version, '--to', folder, '--without-postgres');
}

/** What kustomizations come to, and the images for it. */
export interface Rendered {
  objects: Objects;
  imageOf: (reference: string) => Image;
}

/** Renders kustomizations, folders below the project's root, and adds what is made beside them. */
export async function renderPods(kustomizations: string[], made: string[], staged: string): Promise<Rendered> {
  const printed = await script('e2e/rendered-pods.mjs', ...kustomizations);
  const { rendered, programs } = JSON.parse(printed) as { rendered: string[]; programs: Programs };
  const stages = environmentOfStages(await readFile(path.join(root, 'Dockerfile'), 'utf8'));
  return {
    objects: Objects.of(...rendered, ...made),
    imageOf: (reference) => imageOf(reference, staged, programs, stages),
  };
}
