import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

/** What stands in `release.json` at the root of an unpacked release. */
export const ReleaseManifest = z.object({
  schema: z.literal(1),
  version: z.string(),
  platform: z.string(),
  /** The folder of the feed; null when whoever made it named none. */
  feedUrl: z.string().nullable(),
  /** Whose releases are believed by whoever runs this one. */
  trustedKeys: z.array(z.string()),
});
/** See {@link ReleaseManifest}. */
export type ReleaseManifest = z.infer<typeof ReleaseManifest>;

const FILE = new URL('../../../../release.json', import.meta.url);

function read(): { feedUrl: string | undefined; trustedKeys: string[]; isRelease: boolean } {
  if (!existsSync(FILE)) return { feedUrl: undefined, trustedKeys: [], isRelease: false };
  const manifest = ReleaseManifest.parse(JSON.parse(readFileSync(FILE, 'utf8')));
  return { feedUrl: manifest.feedUrl ?? undefined, trustedKeys: manifest.trustedKeys, isRelease: true };
}

/** The release out of which this process runs; from source there is none. */
export const ownRelease = read();
