import { Bus } from '@lapwing/bus';
import {
  dockerhostAllow,
  dockerhostList,
  dockerhostMark,
  dockerhostRemove,
  type Actor,
  type DockerHost,
} from '@lapwing/contracts';
import { Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { By } from '../../../../http/caller.js';
import { flag } from '../../../../http/query.js';
import { DockerHostView, toDockerHostView } from './hosts.view.js';

const HostParam = z.object({ id: z.string().min(1).max(300) });
const RemoveQuery = z.object({ hide: flag.default(false), force: flag.default(false) });
const Done = z.object({ success: z.literal(true), message: z.string() });

const hostFact = (action: string) => (request: FastifyRequest) => ({
  type: 'docker_host',
  action,
  target: (request.params as { id: string }).id,
});

/** Pulse's Docker hosts. */
@Controller('api/agents/docker/hosts')
export class DockerHostsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('agents:view')
  @Answers('All Docker hosts, with their containers and what is wrong with them', z.array(DockerHostView))
  async list(): Promise<z.infer<typeof DockerHostView>[]> {
    const all: DockerHost[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page: { hosts: DockerHost[]; next: string | null } = await this.bus.request(dockerhostList, { after });
      all.push(...page.hosts);
      after = page.next;
    }
    return all.map(toDockerHostView);
  }

  @Delete(':id')
  @HttpCode(200)
  @Requires('agents:manage')
  @Audits(hostFact('removed'))
  @Answers('Removes a Docker host; one that reports is told to stop first, unless force is set', Done)
  async remove(
    @Param({ schema: HostParam }) { id }: z.infer<typeof HostParam>,
    @Query({ schema: RemoveQuery }) { hide, force }: z.infer<typeof RemoveQuery>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof Done>> {
    if (hide) {
      await this.bus.request(dockerhostMark, { actor, id, hidden: true });
      return { success: true, message: `Docker host ${id} is hidden` };
    }
    const { removed } = await this.bus.request(dockerhostRemove, { actor, id, force });
    const message = removed
      ? `Docker host ${id} was removed; it may not report for 24 hours`
      : `the agent of Docker host ${id} is told to stop with its next report, and the host goes when it has`;
    return { success: true, message };
  }

  @Post(':id/allow-reenroll')
  @HttpCode(200)
  @Requires('agents:manage')
  @Audits(hostFact('reenroll_allowed'))
  @Answers('Lets a removed Docker host report again', Done)
  async allow(
    @Param({ schema: HostParam }) { id }: z.infer<typeof HostParam>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof Done>> {
    await this.bus.request(dockerhostAllow, { actor, id });
    return { success: true, message: `Docker host ${id} may report again` };
  }

  @Put(':id/unhide')
  @Requires('agents:manage')
  @Audits(hostFact('unhidden'))
  @Answers('Shows a hidden Docker host again', Done)
  async unhide(
    @Param({ schema: HostParam }) { id }: z.infer<typeof HostParam>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof Done>> {
    await this.bus.request(dockerhostMark, { actor, id, hidden: false });
    return { success: true, message: `Docker host ${id} is shown again` };
  }

  @Put(':id/pending-uninstall')
  @Requires('agents:manage')
  @Audits(hostFact('uninstall_marked'))
  @Answers('Marks that the agent of a Docker host is about to be uninstalled', Done)
  async pendingUninstall(
    @Param({ schema: HostParam }) { id }: z.infer<typeof HostParam>,
    @By() actor: Actor,
  ): Promise<z.infer<typeof Done>> {
    await this.bus.request(dockerhostMark, { actor, id, pendingUninstall: true });
    return { success: true, message: `Docker host ${id} is about to be uninstalled` };
  }
}
