import { Bus } from '@lapwing/bus';
import { noticePosted } from '@lapwing/contracts';
import { Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { Requires, Unaudited } from '../../http/access.js';
import { Answers } from '../../http/answer.js';

const Sent = z.object({ status: z.literal('notification sent') });

/** Shows a message to everybody who watches, to see whether it arrives. */
@Controller('api/test-notification')
export class TestNotificationController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Requires('notifications:manage')
  @Unaudited()
  @Answers('Sends a test message to all sockets', Sent)
  send(): z.infer<typeof Sent> {
    const notice = { title: 'Test notification', message: 'This is a test of Lapwing.', time: Date.now() };
    this.bus.announce(noticePosted, 'all', notice);
    return { status: 'notification sent' };
  }
}
