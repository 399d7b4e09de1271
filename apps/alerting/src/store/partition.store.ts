import { instant, type Schema, type Statements } from '@lapwing/postgres';
import { setImmediate as breathe } from 'node:timers/promises';
import type { EngineState } from '../domain/engine.js';

/** What is kept of a partition between two holders. */
export interface PartitionState extends Partial<EngineState> {
  /** What readers remember from look to look, by scope. */
  memories?: [scope: string, memory: unknown][];
}

/** A partition as its new holder finds it. */
export interface TakenPartition {
  /** How far the stream of samples was judged. */
  position: number;
  state: PartitionState;
  /** When that was, milliseconds since 1970. */
  updatedAt: number;
}

/** Who judges which partition, and how far he has come. */
export class PartitionStore {
  constructor(private readonly schema: Schema) {}

  /** Takes a partition over: what its holder of before still writes is refused from now on. */
  async take(number: number, holder: string, now: number): Promise<TakenPartition> {
    const { rows } = await this.schema.query<TakenPartition>(
      'partition.take',
      `INSERT INTO alerting.partition (number, holder, updated_at) VALUES ($1, $2, ${instant('$3')})
       ON CONFLICT (number) DO UPDATE SET holder = $2
       RETURNING position, state, updated_at AS "updatedAt"`,
      [number, holder, now],
    );
    return rows[0] ?? { position: 0, state: {}, updatedAt: now };
  }

  /** Notes how far its holder has come. Returns whether it is still his. */
  async save(
    statements: Statements,
    part: { number: number; holder: string; position: number; state: PartitionState; at: number },
  ): Promise<boolean> {
    const { count } = await statements.query(
      `UPDATE alerting.partition SET position = $3, state = $4, updated_at = ${instant('$5')} WHERE number = $1 AND holder = $2`,
      [part.number, part.holder, part.position, await written(part.state), part.at],
    );
    return count === 1;
  }
}

const PIECE = 250;

/** A state as JSON, made in pieces that leave room for other work: after an outage thousands of alerts may wait for their delay. */
async function written(state: PartitionState): Promise<string> {
  const members: string[] = [];
  for (const [name, list] of Object.entries(state) as [string, readonly unknown[]][]) {
    const pieces: string[] = [];
    for (let at = 0; at < list.length; at += PIECE) {
      pieces.push(clean(list.slice(at, at + PIECE)).slice(1, -1));
      if (list.length > PIECE) await breathe();
    }
    members.push(`"${name}":[${pieces.join(',')}]`);
  }
  return `{${members.join(',')}}`;
}

/** JSON without NUL characters, which PostgreSQL cannot keep and a remote server may send. */
export function clean(value: unknown): string {
  return JSON.stringify(value).replaceAll('\\u0000', '');
}
