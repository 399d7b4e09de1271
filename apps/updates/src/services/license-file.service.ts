import { LICENSE_STATEMENT, LicenseStatement } from '@lapwing/contracts';
import { SigningError, verifyEnvelope } from '@lapwing/signing';
import { createLogger } from '@lapwing/telemetry';
import type { LicenseFile } from '../store/license-file.js';

type Found = { statement: LicenseStatement } | { problem: string };

/** The signed licence in a file, where the operator has put one. */
export class LicenseFileService {
  readonly #log = createLogger('updates', 'licence file');
  #last: { text: string; found: Found } | undefined;
  #said: string | undefined;

  /**
   * @param file undefined where there is none.
   * @param keys public keys; whose licences are believed.
   */
  constructor(
    private readonly file: LicenseFile | undefined,
    private readonly keys: readonly string[],
  ) {}

  /** What the file says; undefined without a file that can be believed. Never throws. */
  async statement(): Promise<LicenseStatement | undefined> {
    const found = await this.#look();
    return found && 'statement' in found ? found.statement : undefined;
  }

  /** Why the file is not believed, in words; undefined where all is well. */
  async problem(): Promise<string | undefined> {
    const found = await this.#look();
    return found && 'problem' in found ? found.problem : undefined;
  }

  async #look(): Promise<Found | undefined> {
    if (!this.file) return undefined;
    const { text, problem } = await this.file.read();
    const found = text === undefined ? { problem: problem ?? 'it cannot be read' } : this.#verified(text);
    this.#tell('problem' in found ? found.problem : undefined);
    return found;
  }

  #verified(text: string): Found {
    if (this.#last?.text === text) return this.#last.found;
    this.#last = { text, found: this.#verify(text) };
    return this.#last.found;
  }

  #verify(text: string): Found {
    try {
      return { statement: verifyEnvelope(text, LICENSE_STATEMENT, LicenseStatement, this.keys) };
    } catch (error) {
      // Health tells it in one line.
      return {
        problem: error instanceof SigningError ? error.message.replace(/\s+/g, ' ') : 'it cannot be understood',
      };
    }
  }

  /** Says each fault once, not each time that somebody looks. */
  #tell(problem: string | undefined): void {
    if (this.#said === problem) return;
    this.#said = problem;
    if (problem === undefined) this.#log.info('the licence file is believed');
    else this.#log.warn({ problem }, 'the licence file is ignored');
  }
}
