import type { OutputOf, storageGet } from '@lapwing/contracts';
import type { DataFolder } from '../store/data-folder.js';

type Storage = OutputOf<typeof storageGet>;

const FRESH_MS = 60_000;
/** Entries that are looked at, and time that it may take, for each class. */
const LIMITS = { entries: 100_000, ms: 3000 };

/** Knows how full the data folder is, as of a minute ago at most. */
export class StorageService {
  #known: { storage: Promise<Storage>; until: number } | undefined;

  constructor(private readonly folder: DataFolder) {}

  /** See `storageGet`; asked by many at once it looks once. */
  get(): Promise<Storage> {
    const now = Date.now();
    if (this.#known && this.#known.until > now) return this.#known.storage;
    const storage = this.#look(now);
    const known = { storage, until: now + FRESH_MS };
    this.#known = known;
    storage.catch(() => this.#known === known && this.forget());
    return storage;
  }

  /** Looks again at the next question: files have gone. */
  forget(): void {
    this.#known = undefined;
  }

  async #look(measuredAt: number): Promise<Storage> {
    const disk = await this.folder.volume();
    const thumbnails = await this.folder.measure('thumbnails', LIMITS);
    const images = await this.folder.measure('images', LIMITS);
    const clips = await this.folder.measure('clips', LIMITS);
    const bare = ({ files, bytes }: typeof clips) => ({ files, bytes });
    return {
      disk,
      thumbnails: bare(thumbnails),
      images: bare(images),
      clips: bare(clips),
      isTruncated: [thumbnails, images, clips].some(({ isTruncated }) => isTruncated),
      measuredAt,
    };
  }
}
