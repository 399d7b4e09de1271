import path from 'node:path';

/** What stands in for an image: its files, and what it says about running. */
export interface Image {
  /** Its folder `/app`, where it has one. */
  app?: string;
  /** Programs, by their name below `/usr/local/bin`, where the real images have them, too. */
  programs: Record<string, string>;
  /** Folders with libraries that these programs need. */
  libraries?: string;
  environment: Record<string, string>;
  workingFolder: string;
  /** As whom it runs when the pod does not say. */
  user: number;
  /** Home folders of the users that it knows, by their numbers. */
  homes: Record<number, string>;
  /** The program that takes a command which begins with an option, as the entry points of the official images do. */
  program?: string;
  /** What it runs without command and arguments. */
  command: string[];
}

/** Programs of this machine that stand in for those of images. */
export interface Programs {
  nats: { program: string; libraries?: string };
  redis: { program: string; libraries?: string };
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The image of a reference, by the last part of its name.
 * @param staged the tree of a release, which is what the image `lapwing` holds below /app.
 * @param stages what the stages of the Dockerfile set in the environment, by their names, which are those of our images.
 */
export function imageOf(
  reference: string,
  staged: string,
  programs: Programs,
  stages: Record<string, Record<string, string>>,
): Image {
  const name = path.basename(reference).replace(/[:@].*$/, '');
  const ours = {
    programs: { node: process.execPath },
    environment: { PATH, ...stages[name] },
    workingFolder: '/app',
    user: 10_001,
    homes: { 0: '/root', 1000: '/home/node', 10_001: '/tmp' },
    command: [],
  };
  const server = (
    program: string,
    file: { program: string; libraries?: string },
    more: Record<string, string> = {},
  ) => ({
    programs: { [program]: file.program, ...more },
    ...(file.libraries !== undefined && { libraries: file.libraries }),
    environment: { PATH },
    workingFolder: '/',
    user: 0,
    homes: { 0: '/root' },
    program,
    command: [program],
  });
  if (name === 'lapwing') return { ...ours, app: staged };
  if (name === 'lapwing-agent') return { ...ours, app: path.join(staged, 'apps/collector/dist/agent') };
  if (name === 'nats') return server('nats-server', programs.nats);
  const client = path.join(path.dirname(programs.redis.program), 'redis-cli');
  if (name === 'redis' || name === 'valkey') return server('redis-server', programs.redis, { 'redis-cli': client });
  throw new Error(`this test's node has nothing that could stand in for the image ${reference}`);
}

/** What runs: the pod's command and arguments over those of the image. */
export function commandOf(image: Image, command: readonly string[] = [], args: readonly string[] = []): string[] {
  if (command.length > 0) return [...command, ...args];
  const given = args.length > 0 ? [...args] : image.command;
  if (given.length === 0) throw new Error('neither the pod nor its image says what to run');
  return given[0]?.startsWith('-') && image.program !== undefined ? [image.program, ...given] : given;
}
