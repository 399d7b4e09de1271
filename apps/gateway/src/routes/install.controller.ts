import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { GATEWAY_CONFIG, type GatewayConfig } from '../config.js';
import { Public, Requires } from '../http/access.js';
import { Answers } from '../http/answer.js';
import { baseUrlOf, plainUrl } from '../http/base-url.js';
import { AgentFileService } from '../services/agent-file.service.js';

const TEMPLATE = new URL('../../scripts/install-agent.sh', import.meta.url);
const ScriptQuery = z.object({ url: z.string().max(300).optional() });
const script = { 'text/x-shellscript': z.string() };

/** Scripts that install an agent under systemd. They hold no secret, and of the request nothing but a checked address. */
@Controller()
export class InstallController {
  readonly #template = readFileSync(TEMPLATE, 'utf8');

  constructor(
    private readonly files: AgentFileService,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  @Get('install-docker-agent.sh')
  @Requires('agents:view', { tokenInQuery: true })
  @Answers('A script that installs the Docker agent', script)
  docker(
    @Query({ schema: ScriptQuery }) { url }: z.infer<typeof ScriptQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    return this.#send('docker', url, request, reply);
  }

  @Get('install-agent.sh')
  @Public()
  @Answers('A script that installs the agent of a host', script)
  agent(
    @Query({ schema: ScriptQuery }) { url }: z.infer<typeof ScriptQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    return this.#send('host', url, request, reply);
  }

  async #send(
    mode: 'docker' | 'host',
    url: string | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const base = url === undefined ? baseUrlOf(request, this.config.LAPWING_PUBLIC_URL) : plainUrl(url);
    const { sha256 } = await this.files.get();
    const text = this.#template
      .replace("'@MODE@'", `'${mode}'`)
      .replace("'@URL@'", `'${base}'`)
      .replace("'@SHA256@'", `'${sha256}'`);
    await reply.header('content-type', 'text/x-shellscript; charset=utf-8').send(text);
  }
}
