import { Bus } from '@lapwing/bus';
import { storageGet } from '@lapwing/contracts';
import { Controller, Get } from '@nestjs/common';
import { OpenRead } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { TotalsService } from '../../../services/totals.service.js';
import { StorageDocument, toStorageDocument } from './storage.view.js';

/** How full Lapwing's own disk is, and with what. */
@Controller('api/system/storage')
export class SystemStorageController {
  constructor(
    private readonly bus: Bus,
    private readonly totals: TotalsService,
  ) {}

  @Get()
  @OpenRead('dashboard:view')
  @Answers('The volume of the data folder, its files, and rows in the database', StorageDocument)
  async get() {
    const [storage, rows] = await Promise.all([this.bus.request(storageGet, {}), this.totals.rows()]);
    return toStorageDocument(storage, rows);
  }
}
