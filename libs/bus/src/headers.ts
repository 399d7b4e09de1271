import { errorCodes, LapwingError, type ErrorCode, type WireError } from '@lapwing/contracts';
import { extractTrace, injectTrace, type Context } from '@lapwing/telemetry';
import { headers as emptyHeaders, type MsgHdrs } from '@nats-io/transport-node';

/** Marks an answer that is an error; its value is the code. */
const ERROR = 'Lapwing-Error';
/** When the message was sent, milliseconds since 1970. */
const SENT = 'Lapwing-Sent';

const setter = { set: (carrier: MsgHdrs, key: string, value: string) => carrier.set(key, value) };
const getter = {
  get: (carrier: MsgHdrs | undefined, key: string) => carrier?.get(key) || undefined,
  keys: (carrier: MsgHdrs | undefined) => [...(carrier?.keys() ?? [])],
};

/** The headers of a message that leaves now: the current trace and the time. */
export function outgoingHeaders(): MsgHdrs {
  const headers = emptyHeaders();
  headers.set(SENT, String(Date.now()));
  injectTrace(headers, setter);
  return headers;
}

/** The trace that a message came with. */
export function traceOf(headers: MsgHdrs | undefined): Context {
  return extractTrace<MsgHdrs | undefined>(headers, getter);
}

/** When a message was sent, milliseconds since 1970; undefined for one that did not come from Lapwing. */
export function sentAt(headers: MsgHdrs | undefined): number | undefined {
  const value = Number(headers?.get(SENT) || Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}

/** The answer that tells an error: the code in a header, so that payloads always hold one type. */
export function errorAnswer(error: WireError): { data: string; headers: MsgHdrs } {
  const headers = outgoingHeaders();
  headers.set(ERROR, error.code);
  return { data: JSON.stringify(error), headers };
}

/** Throws the error that an answer carries, if it carries one. */
export function throwIfError(message: { headers?: MsgHdrs; string(): string }): void {
  const code = message.headers?.get(ERROR);
  if (!code) return;
  const known = code in errorCodes ? (code as ErrorCode) : 'INTERNAL';
  const wire = JSON.parse(message.string()) as WireError;
  throw new LapwingError(known, wire.message, wire.details);
}
