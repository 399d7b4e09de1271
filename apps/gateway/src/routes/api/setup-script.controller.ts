import { Bus } from '@lapwing/bus';
import { LapwingError, nodeTypes, setupcodeCreate, type Actor } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../config.js';
import { Audits, Public, Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { baseUrlOf, plainUrl } from '../../http/base-url.js';
import { By } from '../../http/caller.js';
import { flag } from '../../http/query.js';

const TEMPLATE = new URL('../../../scripts/setup-proxmox.sh', import.meta.url);
const script = { 'text/x-shellscript': z.string() };

const UrlBody = z.object({
  type: z.enum(nodeTypes),
  host: z.string().min(1).max(512),
  backupPerms: z.boolean().default(false),
});
const UrlAnswer = z.object({
  url: z.string(),
  command: z.string(),
  setupCode: z.string(),
  expires: z.int().describe('seconds since 1970'),
});
const ScriptQuery = z.object({
  type: z.enum(nodeTypes),
  host: z.string().max(512).default(''),
  pulse_url: z.string().max(512).optional(),
  backup_perms: flag.default(false),
});

/** The script with which a Proxmox server registers itself, and the code that it asks for. */
@Controller('api')
export class SetupScriptController {
  readonly #template = readFileSync(TEMPLATE, 'utf8');

  constructor(
    private readonly bus: Bus,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  @Post('setup-script-url')
  @HttpCode(200)
  @Requires('nodes:manage')
  @Audits((request) => {
    const { type, host } = (request.body ?? {}) as Record<string, unknown>;
    return { type: 'setup_code', action: 'created', target: `${String(type)} ${String(host)}`.slice(0, 300) };
  })
  @Answers('Makes a code for one node, good once and for five minutes, and says where the script is', UrlAnswer)
  async url(
    @Body({ schema: UrlBody }) { type, host: wanted, backupPerms }: z.infer<typeof UrlBody>,
    @By() actor: Actor,
    @Req() request: FastifyRequest,
  ): Promise<z.infer<typeof UrlAnswer>> {
    const base = baseUrlOf(request, this.config.LAPWING_PUBLIC_URL);
    const { code, host, expiresAt } = await this.bus.request(setupcodeCreate, { actor, type, host: wanted });
    const query = new URLSearchParams({ type, host, pulse_url: base });
    if (backupPerms && type === 'pve') query.set('backup_perms', 'true');
    const url = `${base}/api/setup-script?${query.toString()}`;
    return { url, command: `curl -sSL '${url}' | bash`, setupCode: code, expires: Math.floor(expiresAt / 1000) };
  }

  @Get('setup-script')
  @Public()
  @Answers('A script that sets up an account for Lapwing on a Proxmox server and registers it', script)
  async script(
    @Query({ schema: ScriptQuery }) { type, host, pulse_url: url, backup_perms: backups }: z.infer<typeof ScriptQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const base = url === undefined ? baseUrlOf(request, this.config.LAPWING_PUBLIC_URL) : plainUrl(url);
    const text = this.#template
      .replace("'@TYPE@'", `'${type}'`)
      .replace("'@HOST@'", `'${host === '' ? '' : plainHost(host)}'`)
      .replace("'@PULSE_URL@'", `'${base}'`)
      .replace("'@BACKUP_PERMS@'", `'${backups}'`);
    await reply.header('content-type', 'text/x-shellscript; charset=utf-8').send(text);
  }
}

/** The address of a node as it may stand in a script that root runs. */
function plainHost(text: string): string {
  const url = plainUrl(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`);
  if (!url.startsWith('https://') || new URL(url).pathname !== '/')
    throw new LapwingError('INVALID_INPUT', '"host" must be an address of the form https://host:port');
  return url;
}
