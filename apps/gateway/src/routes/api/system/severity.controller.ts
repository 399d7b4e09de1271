import { Controller, Get } from '@nestjs/common';
import { OpenRead } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { SeverityScale, toSeverityScale } from './severity.view.js';

/** The scale of severities, for those who draw it. */
@Controller('api/system/severity')
export class SeverityController {
  @Get()
  @OpenRead('dashboard:view')
  @Answers('What severities there are, and which scores they stand for', SeverityScale)
  get() {
    return toSeverityScale();
  }
}
