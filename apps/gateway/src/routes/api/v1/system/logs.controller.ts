import { Bus } from '@lapwing/bus';
import {
  LogFilter,
  MAX_LOG_NAME,
  cleanLogName,
  cleanLogText,
  logsourceList,
  servicelogFlush,
  type StoredLogEntry,
} from '@lapwing/contracts';
import { Controller, Delete, Get, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../../http/access.js';
import { Answers, isoTime } from '../../../../http/answer.js';
import { LongList, jsonPieces, sendPieces } from '../../../../http/pieces.js';
import { plain, refuseBrokenText, whole } from '../../../../http/query.js';
import { serviceLines } from '../../../../services/log-pages.js';

const process = plain(MAX_LOG_NAME).optional();
const LogsQuery = z.object({
  lines: whole(1, 5000).default(100),
  type: z.enum(['out', 'err', 'all'], { error: 'out, err or all' }).default('all'),
  process,
});
/** Strictly: whoever mistypes the one name there is must not delete all. */
const FlushQuery = z.strictObject({ process });

const ServiceLine = z.object({
  timestamp: isoTime,
  type: z.enum(['out', 'err']),
  process: z.string(),
  message: z.string(),
});
const ServiceLogs = z.object({
  logs: z.array(ServiceLine),
  processes: z.array(z.string()).describe('all that have a log'),
});
const Flushed = z.object({ success: z.literal(true), message: z.string() });

/** Supascale's logs: what processes under a process manager print, on all hosts. */
@Controller('api/v1/system/logs')
export class SystemLogsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('system:read')
  @Answers('The newest lines that processes printed, the oldest of them first', ServiceLogs)
  async list(
    @Query({ schema: LogsQuery }) { lines, type, process: name }: z.infer<typeof LogsQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    refuseBrokenText(request);
    const filter = LogFilter.parse({ source: 'service', name: name ?? null });
    const [entries, { sources }] = await Promise.all([
      serviceLines(this.bus, filter, { lines, type }),
      this.bus.request(logsourceList, { source: 'service' }),
    ]);
    const processes = [...new Set(sources.map((source) => cleanLogName(source.name)))].toSorted();
    await sendPieces(request, reply, jsonPieces({ logs: new LongList(entries, toServiceLine), processes }));
  }

  @Delete()
  @Requires('system:write')
  @Audits((request: FastifyRequest) => {
    const { process: target = 'all' } = request.query as z.infer<typeof FlushQuery>;
    return { type: 'logs', action: 'flushed', target };
  })
  @Answers('Deletes what one process has printed, or all of them', Flushed)
  async flush(
    @Query({ schema: FlushQuery }) { process: name }: z.infer<typeof FlushQuery>,
    @Req() request: FastifyRequest,
  ): Promise<z.infer<typeof Flushed>> {
    refuseBrokenText(request);
    await this.bus.request(servicelogFlush, { process: name ?? null });
    return { success: true, message: 'Logs flushed' };
  }
}

function toServiceLine({ time, name, message, fields }: StoredLogEntry): z.infer<typeof ServiceLine> {
  const type = fields['stream'] === 'err' ? 'err' : 'out';
  return {
    timestamp: new Date(time).toISOString(),
    type,
    process: cleanLogName(name),
    message: cleanLogText(message),
  };
}
