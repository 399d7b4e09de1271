import { OnRequest } from '@lapwing/bus';
import {
  dockercommandAcknowledge,
  dockerhostAllow,
  dockerhostList,
  dockerhostMark,
  dockerhostRemove,
  dockerhostReport,
  type InputOf,
  type OutputOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { DockerHostsService } from '../services/docker-hosts.service.js';

/** Hears Docker hosts, and what is to be done with them. */
@Injectable()
export class DockerHostsHandler {
  constructor(private readonly hosts: DockerHostsService) {}

  @OnRequest(dockerhostReport)
  report({ token, report }: InputOf<typeof dockerhostReport>): Promise<OutputOf<typeof dockerhostReport>> {
    return this.hosts.report(token, report);
  }

  @OnRequest(dockerhostList)
  list({ after }: InputOf<typeof dockerhostList>): Promise<OutputOf<typeof dockerhostList>> {
    return this.hosts.page(after);
  }

  @OnRequest(dockerhostRemove)
  remove({ id, force }: InputOf<typeof dockerhostRemove>): Promise<OutputOf<typeof dockerhostRemove>> {
    return this.hosts.remove(id, force);
  }

  @OnRequest(dockerhostAllow)
  async allow({ id }: InputOf<typeof dockerhostAllow>): Promise<OutputOf<typeof dockerhostAllow>> {
    await this.hosts.allow(id);
    return {};
  }

  @OnRequest(dockerhostMark)
  mark({ id, hidden, pendingUninstall }: InputOf<typeof dockerhostMark>): Promise<OutputOf<typeof dockerhostMark>> {
    return this.hosts.mark(id, { hidden, pendingUninstall });
  }

  @OnRequest(dockercommandAcknowledge)
  acknowledge(said: InputOf<typeof dockercommandAcknowledge>): Promise<OutputOf<typeof dockercommandAcknowledge>> {
    return this.hosts.acknowledge(said);
  }
}
