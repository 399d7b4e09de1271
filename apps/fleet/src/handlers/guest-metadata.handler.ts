import { OnRequest } from '@lapwing/bus';
import {
  guestmetadataDelete,
  guestmetadataGet,
  guestmetadataList,
  guestmetadataUpdate,
  type InputOf,
  type OutputOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { GuestMetadataService } from '../services/guest-metadata.service.js';

/** Hears what people note about guests. */
@Injectable()
export class GuestMetadataHandler {
  constructor(private readonly guests: GuestMetadataService) {}

  @OnRequest(guestmetadataList)
  list({ after }: InputOf<typeof guestmetadataList>): Promise<OutputOf<typeof guestmetadataList>> {
    return this.guests.page(after);
  }

  @OnRequest(guestmetadataGet)
  get({ id }: InputOf<typeof guestmetadataGet>): Promise<OutputOf<typeof guestmetadataGet>> {
    return this.guests.get(id);
  }

  @OnRequest(guestmetadataUpdate)
  update(ask: InputOf<typeof guestmetadataUpdate>): Promise<OutputOf<typeof guestmetadataUpdate>> {
    return this.guests.update(ask);
  }

  @OnRequest(guestmetadataDelete)
  async delete({ id }: InputOf<typeof guestmetadataDelete>): Promise<OutputOf<typeof guestmetadataDelete>> {
    await this.guests.delete(id);
    return {};
  }
}
