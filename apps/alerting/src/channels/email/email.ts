import type { Socket } from 'node:net';
import { rootCertificates } from 'node:tls';
import { connect, ConnectionError, Deadline, OutgoingError, sayable, type Resolve } from '@lapwing/outgoing';
import { createTransport } from 'nodemailer';
import type { AlertMessage } from '../../domain/message.js';
import type { Outcome } from '../channel.js';
import { renderEmail } from './render.js';
import { mailbox, type EmailSettings } from './settings.js';

/** How far mail may go. */
export interface EmailLimits {
  /** Networks beside the public ones, see `Reach` of libs/outgoing. */
  networks: readonly string[];
  /** All of it must be done after so long. */
  deadlineMs: number;
  /** Where people find Lapwing, when not as the message says. */
  publicUrl?: string;
  /** Authorities beside those of the system, PEM. */
  ca?: string;
  /** Who finds addresses; the system by default. */
  resolve?: Resolve;
}

type Failed = Extract<Outcome, { status: 'failed' }>;

/** nodemailer's words for a connection that did not hold. */
const CONNECTION = new Set(['ECONNECTION', 'ETIMEDOUT', 'ESOCKET', 'EDNS', 'EPROTOCOL']);

/**
 * Tells a message to all readers, in one mail. It counts as sent when the server has taken it for one of them at least: to send it again would
 * tell the others twice. What the server says, other than its code, is shown to nobody.
 */
export async function sendEmail(settings: EmailSettings, message: AlertMessage, limits: EmailLimits): Promise<Outcome> {
  const deadline = new Deadline(limits.deadlineMs);
  let socket: Socket | undefined;
  try {
    const { networks, resolve } = limits;
    socket = await connect(settings.server, settings.port, {
      reach: { networks },
      signal: deadline.signal,
      ...(resolve && { resolve }),
    });
    const mail = mailOf(settings, { ...message, publicUrl: limits.publicUrl ?? message.publicUrl });
    const sent = await transportOver(socket, settings, limits).sendMail({ ...mail, signal: deadline.signal });
    return { status: 'sent', code: Number(/^\d{3}/.exec(sent.response)?.[0] ?? 250) };
  } catch (error) {
    if (deadline.isOver) return failed(null, 'the mail server takes too long', true);
    return failureOf(error);
  } finally {
    deadline.clear();
    socket?.destroy();
  }
}

/** nodemailer looks names up itself, past the guard: it gets a connection instead. */
function transportOver(socket: Socket, settings: EmailSettings, { deadlineMs, ca }: EmailLimits) {
  const { server, port, username, password, tls, startTLS } = settings;
  return createTransport({
    host: server,
    port,
    secure: tls,
    requireTLS: startTLS && !tls,
    ignoreTLS: !startTLS,
    tls: ca === undefined ? {} : { ca: [...rootCertificates, ca] },
    ...(username !== '' && { auth: { user: username, pass: password } }),
    getSocket: (_options, taken) => taken(null, { connection: socket }),
    connectionTimeout: deadlineMs,
    greetingTimeout: deadlineMs,
    socketTimeout: deadlineMs,
    socketCloseTimeout: 0,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

/** Nobody named is whoever sends: it is where answers go, too. */
const readersOf = ({ from, to }: EmailSettings): string[] => (to.length > 0 ? to : [from]);

function mailOf(settings: EmailSettings, message: AlertMessage) {
  const sender = mailbox(settings.from);
  const asked = readersOf(settings);
  const readers = asked.map(mailbox).filter((reader) => reader !== undefined);
  if (!sender || readers.length < asked.length) throw new OutgoingError('the sender or a recipient is no address');
  const { subject, text, html } = renderEmail(message);
  const domain = sender.address.split('@')[1];
  return {
    from: sender,
    to: readers,
    subject,
    text,
    html,
    date: new Date(message.createdAt),
    messageId: `<${message.id.replace(/[^\w.-]/g, '-')}@${domain}>`,
    headers: {
      'X-Lapwing-Delivery': message.id.replace(/[^\x21-\x7e]/g, '-'),
      // Keeps out-of-office replies from coming back. Source: RFC 3834.
      'Auto-Submitted': 'auto-generated',
    },
  };
}

const failed = (code: number | null, reason: string, retryable: boolean): Failed => ({
  status: 'failed',
  code,
  reason,
  retryable,
});

function failureOf(error: unknown): Failed {
  if (error instanceof OutgoingError) return failed(null, error.message, error instanceof ConnectionError);
  const { code, originalCode, responseCode } = error as Record<string, unknown>;
  const reply = typeof responseCode === 'number' ? responseCode : null;
  // Also a server that checks who somebody is may have no time: 454.
  const later = reply === null || (reply >= 400 && reply < 500);
  if (code === 'EAUTH')
    return failed(reply, 'the mail server does not accept the user name and the password', later && reply !== null);
  if (code === 'ETLS') return failed(reply, 'the connection to the mail server cannot be secured by TLS', later);
  if (reply !== null) return failed(reply, `the mail server answered with code ${reply}`, later);
  if (typeof code !== 'string') throw error;
  if (!CONNECTION.has(code)) return failed(null, 'the mail could not be made', false);
  // What was wrong with the socket or the certificate.
  return failed(null, sayable({ code: originalCode }).message, true);
}
