import { Controller, Get } from '@nestjs/common';
import { Public } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { ApiVersion, toApiVersion } from './version.view.js';

/** Pulse's version and build facts. */
@Controller('api/version')
export class ApiVersionController {
  @Get()
  @Public()
  @Answers('Version and facts of the build', ApiVersion)
  get() {
    return toApiVersion();
  }
}
