import { LapwingError } from '@lapwing/contracts';

/**
 * What comes of work, when that is in time; of what comes later nobody hears.
 * @throws LapwingError `TIMEOUT` when it is not.
 */
export async function within<T>(work: Promise<T>, waitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LapwingError('TIMEOUT', `${what} does not answer`)), waitMs);
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
