import { setTimeout as pause } from 'node:timers/promises';

/**
 * Tries until it neither throws nor says `false`; for conditions that take their time.
 * @param withinMs after so long the last error is thrown.
 */
export async function eventually<T>(attempt: () => Promise<T> | T, withinMs = 20_000): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      const result = await attempt();
      if (result !== false) return result;
      throw new Error('it never came to be');
    } catch (error) {
      if (performance.now() > until) throw error;
      await pause(25);
    }
  }
}
