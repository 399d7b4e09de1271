import { OnRequest } from '@lapwing/bus';
import {
  logentryCount,
  logentryList,
  logmatchCount,
  logsourceList,
  logvolumeGet,
  servicelogFlush,
  type InputOf,
  type OutputOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { CountService } from '../services/count.service.js';
import { SearchService } from '../services/search.service.js';
import { StreamStore } from '../store/stream.store.js';

/** Answers what was written, and how much of it. */
@Injectable()
export class SearchHandler {
  constructor(
    private readonly search: SearchService,
    private readonly counts: CountService,
    private readonly streams: StreamStore,
  ) {}

  @OnRequest(logentryList)
  list(question: InputOf<typeof logentryList>): Promise<OutputOf<typeof logentryList>> {
    return this.search.page(question);
  }

  @OnRequest(logentryCount)
  count({ filter }: InputOf<typeof logentryCount>): Promise<OutputOf<typeof logentryCount>> {
    return this.counts.total(filter);
  }

  @OnRequest(logvolumeGet)
  volume(question: InputOf<typeof logvolumeGet>): Promise<OutputOf<typeof logvolumeGet>> {
    return this.counts.histogram(question);
  }

  @OnRequest(logmatchCount)
  matches(question: InputOf<typeof logmatchCount>): Promise<OutputOf<typeof logmatchCount>> {
    return this.counts.matches(question);
  }

  @OnRequest(logsourceList)
  sources({ agentId, source }: InputOf<typeof logsourceList>): Promise<OutputOf<typeof logsourceList>> {
    return this.streams.list(agentId, source);
  }

  @OnRequest(servicelogFlush)
  flush({ process }: InputOf<typeof servicelogFlush>): Promise<OutputOf<typeof servicelogFlush>> {
    return this.counts.flush(process);
  }
}
