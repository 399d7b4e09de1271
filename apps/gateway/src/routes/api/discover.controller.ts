import { Controller, Get } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { EstateService } from '../../services/estate.service.js';

const Found = z.object({
  servers: z.array(
    z.object({
      host: z.string(),
      ip: z.string(),
      port: z.int(),
      type: z.enum(['pve', 'pbs', 'pmg']),
      name: z.string(),
      hostname: z.string(),
    }),
  ),
  errors: z.array(z.string()),
  scanning: z.boolean(),
  cached: z.literal(true),
  updated: z.int().describe('seconds since 1970; 0 before the first search'),
});

/** What the search of the configured networks found last; it cannot be started from here. */
@Controller('api/discover')
export class DiscoverController {
  constructor(private readonly estate: EstateService) {}

  @Get()
  @Requires('nodes:view', { inApiOnlyMode: true })
  @Answers('Proxmox servers in the configured networks, as of the last search', Found)
  get(): z.infer<typeof Found> {
    const { servers, errors, scanning, updatedAt } = this.estate.discovery();
    return {
      servers: servers.map((server) => ({ ...server, ip: server.host, hostname: server.name })),
      errors,
      scanning,
      cached: true,
      updated: Math.floor((updatedAt ?? 0) / 1000),
    };
  }
}
