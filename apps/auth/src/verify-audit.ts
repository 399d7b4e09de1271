import { Migrations, Postgres } from '@lapwing/postgres';
import { ConfigError, SecretKey } from '@lapwing/service';
import { loadConfig } from './config.js';
import { AuditStore } from './store/audit.store.js';
import { Database } from './store/database.js';

/** Checks the chain of the audit trail, says what it found, and ends with 1 when an entry was edited, removed or moved. */
async function main(): Promise<number> {
  const config = loadConfig();
  const postgres = new Postgres({ service: 'auth', url: config.DATABASE_URL.reveal(), poolSize: 1 });
  try {
    const migrations = new Migrations(postgres, 'auth', new URL('../migrations/', import.meta.url));
    await migrations.run();
    const store = new AuditStore(new Database(postgres, migrations), SecretKey.read('auth', config), Date.now);
    const { entries, fault } = await store.verify();
    process.stdout.write(fault ? `BROKEN: ${fault.fault}\n` : `the audit trail is whole: ${entries} entries\n`);
    return fault ? 1 : 0;
  } finally {
    await postgres.onApplicationShutdown();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(
      `${error instanceof ConfigError || !(error instanceof Error) ? String(error) : error.stack}\n`,
    );
    process.exit(2);
  },
);
