import { OnRequest } from '@lapwing/bus';
import { cleanupGet, cleanupStart, storageGet, type InputOf, type OutputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { CleanupService } from '../services/cleanup.service.js';
import { StorageService } from '../services/storage.service.js';
import { CleanupStore } from '../store/cleanup.store.js';

/** Begins cleanups, and tells how far they are and how full the data folder is. */
@Injectable()
export class CleanupHandler {
  constructor(
    private readonly cleanup: CleanupService,
    private readonly store: CleanupStore,
    private readonly storage: StorageService,
  ) {}

  @OnRequest(cleanupStart)
  start(question: InputOf<typeof cleanupStart>): Promise<OutputOf<typeof cleanupStart>> {
    return this.cleanup.start(question);
  }

  @OnRequest(cleanupGet)
  get({ id }: InputOf<typeof cleanupGet>): Promise<OutputOf<typeof cleanupGet>> {
    return this.store.get(id);
  }

  @OnRequest(storageGet)
  measure(): Promise<OutputOf<typeof storageGet>> {
    return this.storage.get();
  }
}
