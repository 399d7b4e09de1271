import { OnRequest } from '@lapwing/bus';
import { cleanupRun, rowsCount, type InputOf, type OutputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { CleanupService } from '../services/cleanup.service.js';

const run = cleanupRun('log-store');
const count = rowsCount('log-store');

/** Deletes what is past its time, and counts what there is. */
@Injectable()
export class CleanupHandler {
  constructor(private readonly cleanup: CleanupService) {}

  @OnRequest(run)
  run(question: InputOf<typeof run>): Promise<OutputOf<typeof run>> {
    return this.cleanup.run(question);
  }

  @OnRequest(count)
  count(): Promise<OutputOf<typeof count>> {
    return this.cleanup.rows();
  }
}
