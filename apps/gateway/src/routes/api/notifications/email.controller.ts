import { Bus } from '@lapwing/bus';
import { emailGet, emailUpdate, type Actor } from '@lapwing/contracts';
import { Body, Controller, Get, Put } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { bodyKeys } from '../../../http/facts.js';
import { EmailBody, EmailView, toEmailView } from '../notifications.view.js';

const Done = EmailView.extend({ success: z.literal(true) });

/** How mail is sent. */
@Controller('api/notifications/email')
export class EmailController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('notifications:view')
  @Answers('How mail is sent, without the password', EmailView)
  async get() {
    return toEmailView(await this.bus.request(emailGet, {}));
  }

  @Put()
  @Requires('notifications:manage')
  @Audits((request: FastifyRequest) => ({ type: 'email', action: 'configured', target: bodyKeys(request) }))
  @Answers('Changes what is given; an empty password keeps the one that is there', Done)
  async update(@Body({ schema: EmailBody }) draft: z.infer<typeof EmailBody>, @By() actor: Actor) {
    return { success: true, ...toEmailView(await this.bus.request(emailUpdate, { actor, draft })) };
  }
}
