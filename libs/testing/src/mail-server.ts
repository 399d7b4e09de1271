import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import type { Certificate } from './proxmox/certificate.js';

/** A mail as it came in. */
export interface ReceivedMail {
  /** Of the envelope. */
  from: string;
  /** Of the envelope. */
  to: string[];
  /** The whole of it, as RFC 5322 has it. */
  raw: string;
  /** Whether it came over TLS. */
  secure: boolean;
  /** As whom the sender has shown himself. */
  user: string | undefined;
}

/** See {@link MailServer}. */
export interface MailServerOptions {
  /** `start`: with STARTTLS. `always`: from the first byte. None by default. */
  tls?: 'start' | 'always';
  /** What it shows, with TLS. */
  certificate?: Certificate;
  /** Who may send; anybody by default. */
  credentials?: { username: string; password: string };
}

/** Where a mail server says no. */
type Stage = 'auth' | 'sender' | 'recipient' | 'data';

/** A real SMTP server on a loopback port that keeps the mails it gets. */
export class MailServer {
  /** In the order in which they came. */
  readonly mails: ReceivedMail[] = [];
  /** What it refuses from now on, and with which code. `recipient`: that one alone, otherwise all. */
  refusal: { stage: Stage; code: number; recipient?: string } | undefined;
  /** Whether it greets nobody from now on. */
  silent = false;
  /** How many connections came in. */
  connections = 0;
  readonly #server: SMTPServer;

  private constructor(private readonly options: MailServerOptions) {
    const { tls, certificate } = options;
    this.#server = new SMTPServer({
      secure: tls === 'always',
      ...(certificate && { cert: certificate.certificate, key: certificate.key }),
      authOptional: options.credentials === undefined,
      allowInsecureAuth: tls === undefined,
      disabledCommands: [
        ...(tls === 'start' ? [] : ['STARTTLS' as const]),
        ...(options.credentials ? [] : ['AUTH' as const]),
      ],
      disableReverseLookup: true,
      closeTimeout: 10,
      onConnect: (_session, next) => {
        this.connections++;
        if (!this.silent) next();
      },
      onAuth: ({ username, password }, _session, next) => {
        const known = this.options.credentials;
        const right = username === known?.username && password === known?.password;
        next(this.#refused('auth') ?? (right ? null : saying('wrong user name or password', 535)), { user: username });
      },
      onMailFrom: (_address, _session, next) => next(this.#refused('sender')),
      onRcptTo: ({ address }, _session, next) => next(this.#refused('recipient', address)),
      onData: (stream, session, next) => this.#take(stream, session, next),
    });
    // Who goes away in the middle is nobody's fault here.
    this.#server.on('error', () => {});
  }

  /** Starts one. */
  static async start(options: MailServerOptions = {}): Promise<MailServer> {
    const server = new MailServer(options);
    await once(server.#server.listen(0, '127.0.0.1'), 'listening');
    return server;
  }

  /** Where it listens, on 127.0.0.1. */
  get port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  /** What came last. */
  get last(): ReceivedMail {
    const mail = this.mails.at(-1);
    if (!mail) throw new Error('no mail was received');
    return mail;
  }

  /** Ends it, and whoever waits for it. */
  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(resolve);
    });
  }

  #take(stream: SMTPServerDataStream, session: SMTPServerSession, next: (error: Error | null) => void): void {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const refused = this.#refused('data');
      if (!refused) this.#keep(Buffer.concat(chunks).toString(), session);
      next(refused);
    });
  }

  #keep(raw: string, { envelope, secure, user }: SMTPServerSession): void {
    this.mails.push({
      from: envelope.mailFrom ? envelope.mailFrom.address : '',
      to: envelope.rcptTo.map(({ address }) => address),
      raw,
      secure,
      user: user as string | undefined,
    });
  }

  #refused(stage: Stage, recipient?: string): Error | null {
    const { refusal } = this;
    if (refusal?.stage !== stage || (refusal.recipient !== undefined && refusal.recipient !== recipient)) return null;
    return saying('refused, as the test wants it', refusal.code);
  }
}

function saying(text: string, responseCode: number): Error {
  return Object.assign(new Error(text), { responseCode });
}
