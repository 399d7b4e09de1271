import { signals, type SignalName } from '@lapwing/contracts';
import { z } from 'zod';

const names = Object.keys(signals) as SignalName[];
const allowed = names.map((name) => `${name} (${signals[name]})`).join(', ');

/** A signal by name or by number. */
export const signal = z
  .union([z.string(), z.int()], { error: `one of ${allowed}` })
  .transform((value, context): SignalName => {
    const found = names.find(
      (name) => name === value || String(signals[name]) === String(value) || name === `SIG${value}`,
    );
    if (!found) context.addIssue({ code: 'custom', message: `one of ${allowed}` });
    return found ?? 'SIGTERM';
  });
