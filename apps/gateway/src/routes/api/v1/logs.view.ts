import {
  LapwingError,
  LogEntryId,
  MAX_LOG_NAME,
  MAX_LOG_OFFSET,
  MAX_LOG_PAGE,
  logLevels,
  logSourceKinds,
  type LogEntry,
  type LogFilter,
  type LogLevel,
} from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { agent, instant, plain, whole } from '../../../http/query.js';
import { cleanEntry } from '../../../domain/log-line.js';
import { patternOf } from '../../../domain/log-pattern.js';

const isLevel = (text: string): text is LogLevel => (logLevels as readonly string[]).includes(text);

/** Levels, separated by commas. */
const levelList = z.string().transform((text, context): LogLevel[] => {
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  if (!names.every(isLevel))
    context.addIssue({ code: 'custom', message: `one or several of ${logLevels.join(', ')}, separated by commas` });
  return names.filter(isLevel);
});

/** A regular expression of RE2. */
const pattern = plain(500).superRefine((text, context) => {
  const made = patternOf(text);
  if ('problem' in made) context.addIssue({ code: 'custom', message: made.problem });
});

/** Which lines are meant; the same for all that tells of logs. */
export const filterFields = {
  agent_id: agent,
  source: z.enum(logSourceKinds, { error: `one of ${logSourceKinds.join(', ')}` }).optional(),
  source_name: plain(MAX_LOG_NAME).optional(),
  level: levelList.optional(),
  q: plain(1000).optional(),
  pattern: pattern.optional(),
  stream: z.enum(['out', 'err'], { error: 'out or err' }).optional(),
  from: instant.optional(),
  to: instant.optional(),
};

/** How many lines, and how many are passed over. */
export const pageFields = {
  limit: whole(1, MAX_LOG_PAGE).default(100),
  offset: whole(0, MAX_LOG_OFFSET, '; beyond that, pages follow each other by "after"').default(0),
};

const FilterQuery = z.object(filterFields);

/**
 * The filter that a query stands for.
 * @throws LapwingError `INVALID_INPUT` for a range of time that ends before it begins.
 */
export function toLogFilter(query: z.infer<typeof FilterQuery>): LogFilter {
  const { from, to } = query;
  if (from !== undefined && to !== undefined && from >= to)
    throw new LapwingError('INVALID_INPUT', '"from" must be before "to"');
  return {
    agentId: query.agent_id ?? null,
    source: query.source ?? null,
    name: query.source_name ?? null,
    levels: query.level ?? null,
    query: query.q ?? null,
    pattern: query.pattern ?? null,
    stream: query.stream ?? null,
    // There are no lines of before 1970.
    from: from === undefined ? null : Math.max(from, 0),
    to: to === undefined ? null : Math.max(to, 1),
  };
}

/** The query of a list of lines. */
export const LogsQuery = z.object({ ...filterFields, ...pageFields, after: LogEntryId.optional() });

/** A line, as Tyto knows it. */
export const LogEntryView = z.object({
  id: z.string().describe('of a stored line for ever; of one in the live stream, its place there'),
  timestamp: isoTime.describe('ISO 8601, UTC, with milliseconds'),
  agent_id: z.string(),
  source: z.enum(logSourceKinds),
  source_name: z.string(),
  level: z.enum(logLevels),
  message: z.string(),
  fields: z.record(z.string(), z.string()),
});

/** A page of lines. */
export const Logs = z.object({
  entries: z.array(LogEntryView),
  total: z.int().describe('matches before paging'),
  total_is_estimate: z.boolean().describe('there are about so many, or at least so many'),
  next_cursor: z.string().nullable().describe('for "after", to get the next page; null on the last'),
});

/** A line as it is shown; its text is clean. */
export function toLogEntryView(line: LogEntry & { id: string; agentId: string }): z.infer<typeof LogEntryView> {
  const { name, message, fields } = cleanEntry(line);
  const { id, agentId, source, level } = line;
  const timestamp = new Date(line.time).toISOString();
  return { id, timestamp, agent_id: agentId, source, source_name: name, level, message, fields };
}
