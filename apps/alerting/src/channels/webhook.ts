import { createHmac } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';
import { ConnectionError, OutgoingError, send, type Resolve, type SendAnswer } from '@lapwing/outgoing';
import type { AlertMessage } from '../domain/message.js';
import type { Outcome } from './channel.js';
import type { Webhook } from './webhook-channel.js';
import { PayloadError, requestsOf, type WebhookRequest } from './webhook-request.js';

/** How far a webhook may go. */
export interface WebhookLimits {
  /** Networks beside the public ones, see `Reach` of libs/outgoing. */
  networks: readonly string[];
  /** All of it must be done after so long. */
  deadlineMs: number;
  /** Authorities beside those of the system, PEM. */
  ca?: string;
  /** Who finds addresses; the system by default. */
  resolve?: Resolve;
}

/** Requests at a time, where a message takes several. */
const AT_A_TIME = 4;
/** The receiver had no time; and all of 500 and above. */
const LATER = new Set([408, 425, 429]);

/**
 * Tells a message to a receiver. Where that takes several requests it is sent when all of them are; telling it again then repeats them all,
 * which receivers can tell by `Idempotency-Key`. What a receiver answers, other than its status, is shown to nobody.
 */
export async function sendWebhook(webhook: Webhook, message: AlertMessage, limits: WebhookLimits): Promise<Outcome> {
  const until = Date.now() + limits.deadlineMs;
  const requests: WebhookRequest[] = [];
  try {
    for (const request of requestsOf(webhook, message)) {
      requests.push(request);
      await breathe();
    }
  } catch (error) {
    if (error instanceof PayloadError) return { status: 'failed', code: null, reason: error.message, retryable: false };
    throw error;
  }
  let outcome: Outcome = { status: 'failed', code: null, reason: 'there is nothing to send', retryable: false };
  for (let at = 0; at < requests.length; at += AT_A_TIME) {
    const batch = requests.slice(at, at + AT_A_TIME);
    const outcomes = await Promise.all(
      batch.map((request, index) => attempt(webhook, message, request, { ...limits, until, number: at + index })),
    );
    outcome = worstOf(outcomes) ?? outcome;
    if (outcome.status === 'failed') return outcome;
  }
  return outcome;
}

/** What may go well later comes first: it decides whether all is tried again. */
function worstOf(outcomes: Outcome[]): Outcome | undefined {
  const failed = outcomes.filter((outcome) => outcome.status === 'failed');
  return failed.find(({ retryable }) => retryable) ?? failed[0] ?? outcomes.at(-1);
}

interface Turn extends WebhookLimits {
  until: number;
  number: number;
}

async function attempt(webhook: Webhook, message: AlertMessage, request: WebhookRequest, turn: Turn): Promise<Outcome> {
  const { networks, ca, resolve, until, number } = turn;
  const { url, headers, body } = request;
  try {
    const answer = await send(url, {
      method: webhook.method,
      headers: { ...headers, ...ownHeaders(webhook, message, number, body ?? '') },
      reach: { networks },
      http: true,
      deadlineMs: Math.max(1, until - Date.now()),
      ...(body !== undefined && { body }),
      ...(ca !== undefined && { ca }),
      ...(resolve && { resolve }),
    });
    return judged(answer);
  } catch (error) {
    if (!(error instanceof OutgoingError)) throw error;
    return { status: 'failed', code: null, reason: error.message, retryable: error instanceof ConnectionError };
  }
}

/** What Lapwing says of each request. `X-Lapwing-Signature` lets the receiver tell that it is from here, and of when. */
function ownHeaders(webhook: Webhook, { id }: AlertMessage, number: number, body: string): Record<string, string> {
  const headers = {
    'user-agent': 'Lapwing',
    'idempotency-key': number === 0 ? id : `${id}-${number}`,
    'x-lapwing-delivery': id,
  };
  if (!webhook.secret) return headers;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac('sha256', webhook.secret).update(`${timestamp}.${body}`).digest('hex');
  return { ...headers, 'x-lapwing-timestamp': timestamp, 'x-lapwing-signature': `v1=${signature}` };
}

function judged({ status, retryAfterMs }: SendAnswer): Outcome {
  if (status >= 200 && status < 300) return { status: 'sent', code: status };
  return {
    status: 'failed',
    code: status,
    reason: `the receiver answered with status ${status}`,
    retryable: status >= 500 || LATER.has(status),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}
