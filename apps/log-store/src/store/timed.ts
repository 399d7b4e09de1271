import { LapwingError } from '@lapwing/contracts';
import type { Result, Schema } from '@lapwing/postgres';

/**
 * SQLSTATE of a statement that was cancelled, of a regular expression that is none or too large, and of a fault within, under which queries that are
 * nested too deeply go, too. Source: PostgreSQL, appendix A.
 */
const CANCELLED = '57014';
const INTERNAL = 'XX000';
const BAD_PATTERN = '2201B';

/** What makes the planner take an index of text wherever there is one, whatever it supposes of how common a word is. */
export const BY_INDEX = { enable_seqscan: 'off' };

/** How long something may take, in milliseconds from now. */
export class Deadline {
  readonly #at: number;

  constructor(ms: number) {
    this.#at = performance.now() + ms;
  }

  /** Milliseconds that are left; 0 when it is over. */
  get left(): number {
    return Math.max(0, Math.ceil(this.#at - performance.now()));
  }
}

/**
 * Runs one statement that ends at a deadline. Throws `TIMEOUT` when that was too early, `INVALID_INPUT` for a pattern that PostgreSQL refuses.
 * @param settings of PostgreSQL, for this statement.
 */
export async function timed<R extends Record<string, unknown>>(
  schema: Schema,
  statement: { name: string; text: string; values: unknown[]; settings?: Record<string, string> },
  deadline: Deadline,
): Promise<Result<R>> {
  if (deadline.left === 0) throw tooLong();
  return schema.transaction(statement.name, async (transaction) => {
    const settings = { statement_timeout: String(deadline.left || 1), ...statement.settings };
    const pairs = Object.entries(settings);
    const calls = pairs.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, true)`);
    await transaction.query(`SELECT ${calls.join(', ')}`, pairs.flat());
    try {
      return await transaction.query<R>(statement.text, statement.values);
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      if (code === CANCELLED) throw tooLong();
      if (code === INTERNAL && message?.includes('tsquery'))
        throw new LapwingError('INVALID_INPUT', 'the query has too many signs');
      if (code === BAD_PATTERN) throw new LapwingError('INVALID_INPUT', `the pattern cannot be used: ${message ?? ''}`);
      throw error;
    }
  });
}

/** Says that a search took too long, and what helps. */
export function tooLong(): LapwingError {
  return new LapwingError(
    'TIMEOUT',
    'the search took too long: ask for a shorter time, for one agent, source or name, or for a longer word',
  );
}
