import type { AttemptAction, AttemptStep, DeploymentType, ReleaseChannel, UpdateAttempt } from '@lapwing/contracts';
import { isDuplicate, type Schema } from '@lapwing/postgres';

/** An attempt that begins. */
export interface NewAttempt {
  id: string;
  action: AttemptAction;
  version: string;
  versionFrom: string;
  channel: ReleaseChannel;
  deploymentType: DeploymentType;
  initiatedBy: string;
  /** Names the process that is at work on it. */
  holder: string;
}

/** How far an attempt has come. */
export interface Advance {
  step: AttemptStep;
  progress: number;
  archive?: string;
  sha256?: string;
}

/** How an attempt ended. */
export interface Outcome {
  status: 'success' | 'failed' | 'rolled_back' | 'cancelled';
  error?: string;
  errorCode?: string;
}

const COLUMNS = `id, action, version, version_from AS "versionFrom", channel, status, step, progress,
  started_at AS "startedAt", completed_at AS "completedAt", error, error_code AS "errorCode",
  deployment_type AS "deploymentType", initiated_by AS "initiatedBy", archive, sha256`;
/** Attempts that history keeps. */
const KEPT = 1000;
const KEPT_REFUSED = 200;

/** Attempts to change what runs: the one that is under way, and the history. */
export class AttemptStore {
  constructor(private readonly schema: Schema) {}

  /** Whether the database is there. */
  get ready(): boolean {
    return this.schema.ready;
  }

  /** Begins an attempt. Undefined when another one is under way anywhere. */
  async begin(attempt: NewAttempt): Promise<UpdateAttempt | undefined> {
    const { id, action, version, versionFrom, channel, deploymentType, initiatedBy, holder } = attempt;
    try {
      const { rows } = await this.schema.query<UpdateAttempt>(
        'attempt.begin',
        `INSERT INTO updates.attempt (id, action, version, version_from, channel, status, step, deployment_type, initiated_by, holder)
         VALUES ($1, $2, $3, $4, $5, 'in_progress', 'checking', $6, $7, $8) RETURNING ${COLUMNS}`,
        [id, action, version, versionFrom, channel, deploymentType, initiatedBy, holder],
      );
      return rows[0];
    } catch (error) {
      if (isDuplicate(error)) return undefined;
      throw error;
    }
  }

  /** Keeps in the history that an attempt was refused because another one is under way. */
  async refuse(
    attempt: Omit<NewAttempt, 'holder'>,
    { message, code }: { message: string; code: string },
  ): Promise<void> {
    const { id, action, version, versionFrom, channel, deploymentType, initiatedBy } = attempt;
    await this.schema.query(
      'attempt.refuse',
      `INSERT INTO updates.attempt (id, action, version, version_from, channel, status, step, deployment_type, initiated_by, holder,
         completed_at, error, error_code)
       VALUES ($1, $2, $3, $4, $5, 'failed', 'checking', $6, $7, '', now(), $8, $9)`,
      [id, action, version, versionFrom, channel, deploymentType, initiatedBy, message, code],
    );
    await this.#prune();
  }

  /** Says which version an attempt is about, once that is known. */
  async name(id: string, version: string): Promise<UpdateAttempt | undefined> {
    const { rows } = await this.schema.query<UpdateAttempt>(
      'attempt.name',
      `UPDATE updates.attempt SET version = $2 WHERE id = $1 AND status = 'in_progress' RETURNING ${COLUMNS}`,
      [id, version],
    );
    return rows[0];
  }

  /** Forgets what turned out to be no attempt. */
  async forget(id: string): Promise<void> {
    await this.schema.query('attempt.forget', 'DELETE FROM updates.attempt WHERE id = $1', [id]);
  }

  /** Notes how far an attempt has come, and that its holder lives. Undefined when it has ended, or is another's. */
  async advance(
    id: string,
    holder: string,
    { step, progress, archive, sha256 }: Advance,
  ): Promise<UpdateAttempt | undefined> {
    const { rows } = await this.schema.query<UpdateAttempt>(
      'attempt.advance',
      `UPDATE updates.attempt SET step = $3, progress = greatest(progress, $4), beat_at = now(),
         archive = coalesce($5, archive), sha256 = coalesce($6, sha256)
       WHERE id = $1 AND holder = $2 AND status = 'in_progress' RETURNING ${COLUMNS}`,
      [id, holder, step, progress, archive ?? null, sha256 ?? null],
    );
    return rows[0];
  }

  /** Notes that the holder of an attempt lives. */
  async beat(id: string, holder: string): Promise<void> {
    await this.schema.query(
      'attempt.beat',
      `UPDATE updates.attempt SET beat_at = now() WHERE id = $1 AND holder = $2 AND status = 'in_progress'`,
      [id, holder],
    );
  }

  /** Takes an attempt over, e.g. after a restart. Undefined when it has ended. */
  async takeOver(id: string, holder: string): Promise<UpdateAttempt | undefined> {
    const { rows } = await this.schema.query<UpdateAttempt>(
      'attempt.take-over',
      `UPDATE updates.attempt SET holder = $2, beat_at = now() WHERE id = $1 AND status = 'in_progress' RETURNING ${COLUMNS}`,
      [id, holder],
    );
    return rows[0];
  }

  /** Ends an attempt. Undefined when it has ended before. */
  async end(id: string, { status, error, errorCode }: Outcome): Promise<UpdateAttempt | undefined> {
    const { rows } = await this.schema.query<UpdateAttempt>(
      'attempt.end',
      `UPDATE updates.attempt SET status = $2, error = $3, error_code = $4, completed_at = now(),
         step = CASE WHEN $2 = 'success' THEN 'done' ELSE step END, progress = CASE WHEN $2 = 'success' THEN 100 ELSE progress END
       WHERE id = $1 AND status = 'in_progress' RETURNING ${COLUMNS}`,
      [id, status, error ?? null, errorCode ?? null],
    );
    if (rows[0]) await this.#prune();
    return rows[0];
  }

  /** The attempt that is under way, and whether its holder was heard within so many seconds. */
  async current(
    seconds: number,
  ): Promise<{ attempt: UpdateAttempt; holder: string; lives: boolean; silentS: number } | undefined> {
    const { rows } = await this.schema.query<UpdateAttempt & { holder: string; lives: boolean; silentS: number }>(
      'attempt.current',
      `SELECT ${COLUMNS}, holder, beat_at > now() - make_interval(secs => $1) AS lives,
         extract(epoch FROM now() - beat_at)::float8 AS "silentS" FROM updates.attempt WHERE status = 'in_progress'`,
      [seconds],
    );
    const [row] = rows;
    if (!row) return undefined;
    const { holder, lives, silentS, ...attempt } = row;
    return { attempt, holder, lives, silentS };
  }

  /** Attempts, the newest first. */
  async list(
    limit: number,
    status: UpdateAttempt['status'] | undefined,
    actions: AttemptAction[] | undefined,
  ): Promise<UpdateAttempt[]> {
    const { rows } = await this.schema.query<UpdateAttempt>(
      'attempt.list',
      `SELECT ${COLUMNS} FROM updates.attempt WHERE ($2::text IS NULL OR status = $2) AND ($3::text[] IS NULL OR action = ANY ($3))
       ORDER BY started_at DESC LIMIT $1`,
      [limit, status ?? null, actions ?? null],
    );
    return rows;
  }

  /** One attempt. */
  async find(id: string): Promise<UpdateAttempt | undefined> {
    const { rows } = await this.schema.query<UpdateAttempt>(
      'attempt.find',
      `SELECT ${COLUMNS} FROM updates.attempt WHERE id = $1`,
      [id],
    );
    return rows[0];
  }

  /** What was refused at once is kept apart, so that it cannot push out what really happened. */
  async #prune(): Promise<void> {
    await this.schema.query(
      'attempt.prune',
      `DELETE FROM updates.attempt WHERE id IN (
         SELECT id FROM (
           SELECT id, row_number() OVER (PARTITION BY step = 'checking' AND status = 'failed' ORDER BY started_at DESC) AS place,
             step = 'checking' AND status = 'failed' AS refused
           FROM updates.attempt WHERE status <> 'in_progress') AS ended
         WHERE place > CASE WHEN refused THEN $2::integer ELSE $1::integer END)`,
      [KEPT, KEPT_REFUSED],
    );
  }
}
