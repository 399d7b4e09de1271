import { Matcher, matcherNames } from '@lapwing/contracts';
import { z } from 'zod';

type Name = Matcher['name'];

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
/** By both names: as this API writes them, and as Pulse's does. */
const byName = new Map<string, Name>(matcherNames.flatMap((name) => [[name, name] as const, [snake(name), name]]));
const allowed = matcherNames.map(snake);

const { op, value } = Matcher.shape;

/** Conditions on alerts, as somebody writes them. */
export const MatchersBody = z
  .array(
    z.strictObject({
      name: z.string().transform((text, context): Name => {
        const name = byName.get(text);
        if (!name) context.addIssue({ code: 'custom', message: `one of ${allowed.join(', ')}` });
        return name ?? 'alertId';
      }),
      op,
      value,
    }),
  )
  .min(1, 'at least one matcher')
  .max(20);

/** Conditions on alerts. */
export const MatchersView = z.array(z.object({ name: z.enum(allowed), op: z.enum(['=', '!=', '~', '!~']), value }));

/** See {@link MatchersView}. */
export function toMatchersView(matchers: Matcher[]): z.infer<typeof MatchersView> {
  return matchers.map((matcher) => ({ ...matcher, name: snake(matcher.name) }));
}
