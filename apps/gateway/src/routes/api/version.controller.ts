import { Controller, Get } from '@nestjs/common';
import { existsSync } from 'node:fs';
import { Public } from '../../http/access.js';
import { lapwingVersion } from '../../version.js';

const isDocker = existsSync('/.dockerenv');

/** Pulse's version and build facts. */
@Controller('api/version')
export class ApiVersionController {
  @Get()
  @Public()
  get() {
    const isDevelopment = process.env['NODE_ENV'] === 'development';
    const channel = lapwingVersion.includes('-') ? 'rc' : 'stable';
    return { version: `v${lapwingVersion}`, build: 'release', runtime: 'node', channel, isDocker, isDevelopment };
  }
}
