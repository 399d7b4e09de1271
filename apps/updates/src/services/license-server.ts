import { LapwingError } from '@lapwing/contracts';
import { OutgoingError, send } from '@lapwing/outgoing';
import type { Secret } from '@lapwing/service';
import { z } from 'zod';

const DEADLINE_MS = 10_000;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

/** The answers of Supascale's `POST /api/v1/license/validate`, with which a licence server says yes and no. */
const Yes = z.object({ valid: z.literal(true), updatesExpireAt: z.iso.datetime({ offset: true }) });
const NotValid = z.object({ valid: z.literal(false) });
const No = z.union([
  z.object({ code: z.literal('INVALID_LICENSE') }),
  z.object({ code: z.undefined().optional(), error: z.literal('Invalid license key') }),
]);

/** Until when updates are covered (milliseconds since 1970); null when the server knows no such licence. */
export type Vouched = number | null;

/** A server that vouches for licences. */
export class LicenseServer {
  /**
   * @param url where licences are validated; the operator wrote it, so that private networks are in reach. Plain http on this machine only.
   * @param token sent as `Authorization: Bearer`.
   */
  constructor(
    private readonly url: string,
    private readonly token: Secret | undefined,
    private readonly deadlineMs = DEADLINE_MS,
  ) {}

  /**
   * Asks it.
   * @throws LapwingError `UNAVAILABLE` when it gives no answer that can be understood; its message holds nothing of the URL.
   */
  async ask(email: string, licenseKey: string): Promise<Vouched> {
    const { status, text } = await this.#send(JSON.stringify({ email, licenseKey }));
    const body = parsed(text);
    if (status === 200) {
      const yes = Yes.safeParse(body);
      if (yes.success) return Date.parse(yes.data.updatesExpireAt);
      if (NotValid.safeParse(body).success) return null;
    }
    // A 401 may also say that our own token is wrong, or come from something that stands before the server.
    if (status === 401 && No.safeParse(body).success) return null;
    const hint = status === 401 || status === 403 ? ': is LICENSE_SERVER_TOKEN right?' : '';
    throw new LapwingError('UNAVAILABLE', `the licence server neither says yes nor no (status ${status})${hint}`);
  }

  async #send(body: string): Promise<{ status: number; text: string }> {
    try {
      return await send(this.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Lapwing',
          ...(this.token && { authorization: `Bearer ${this.token.reveal()}` }),
        },
        body,
        reach: 'private',
        http: LOOPBACK.test(new URL(this.url).hostname),
        deadlineMs: this.deadlineMs,
      });
    } catch (error) {
      if (!(error instanceof OutgoingError)) throw error;
      throw new LapwingError('UNAVAILABLE', `the licence server cannot be asked: ${error.message}`);
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
