import { OnRequest } from '@lapwing/bus';
import { connectionTest, type InputOf, type OutputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { ConnectionTestService } from '../services/connection-test.service.js';

/** Answers what pollers are asked. */
@Injectable()
export class PollerHandler {
  constructor(private readonly tests: ConnectionTestService) {}

  @OnRequest(connectionTest)
  test(target: InputOf<typeof connectionTest>): Promise<OutputOf<typeof connectionTest>> {
    return this.tests.test(target);
  }
}
