import { AGENT_STATEMENT, AgentStatement } from '@lapwing/contracts';
import { SigningError, verifyEnvelope } from '@lapwing/signing';
import { createLogger, describeError } from '@lapwing/telemetry';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** The agent that this server gives, and what its release's key says of it. */
export interface AgentCopy {
  version: string;
  /** The envelope, for agents to verify it themselves. */
  statement: string;
}

/** Knows the agent's file that hosts fetch from this server, and believes it only with its signed statement beside it, `<file>.json`. */
export class AgentCopyService {
  readonly #log = createLogger('updates', 'agent copy');
  #known: { mark: string; copy: AgentCopy | undefined } | undefined;

  /**
   * @param file the agent in one file.
   * @param keys whose signatures count.
   */
  constructor(
    private readonly file: string,
    private readonly keys: readonly string[],
  ) {}

  /** The copy; undefined without one that was signed. Looks again when a file has changed. */
  async get(): Promise<AgentCopy | undefined> {
    const mark = await this.#mark();
    if (this.#known?.mark !== mark) this.#known = { mark, copy: mark === '' ? undefined : await this.#read() };
    return this.#known.copy;
  }

  /** Changes when one of the two files does; empty without both. */
  async #mark(): Promise<string> {
    try {
      const stats = await Promise.all([stat(this.file), stat(`${this.file}.json`)]);
      return stats.map(({ mtimeMs, size }) => `${mtimeMs}/${size}`).join(' ');
    } catch {
      return '';
    }
  }

  async #read(): Promise<AgentCopy | undefined> {
    try {
      const text = (await readFile(`${this.file}.json`, 'utf8')).trim();
      const { version, sha256 } = verifyEnvelope(text, AGENT_STATEMENT, AgentStatement, this.keys);
      const hash = createHash('sha256');
      await pipeline(createReadStream(this.file), hash);
      if (hash.digest('hex') !== sha256) throw new SigningError('the file is not the one that was signed');
      return { version, statement: text };
    } catch (error) {
      const reason = describeError(error).message;
      this.#log.warn({ reason }, 'the agent of this server is not believed, and is not rolled out');
      return undefined;
    }
  }
}
