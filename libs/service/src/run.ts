import { createLogger, describeError, startTracing, tellBuild } from '@lapwing/telemetry';
import type { DynamicModule, INestApplicationContext, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { ConfigError } from './config.js';
import { Health } from './health.js';
import { listenForOps } from './ops.js';
import { lapwingVersion } from './process-facts.js';

/** How long a stop may take before the process ends all the same. */
const STOP_MS = 10_000;

/** Nest's own messages, in the form of all others; what Nest says while it wires modules is left out. */
export function nestLogger(service: string): LoggerService {
  const log = createLogger(service, 'nest');
  return {
    log: () => {},
    warn: (message: unknown) => log.warn({ said: String(message) }, 'Nest warns'),
    error: (message: unknown, stack?: unknown) => log.error({ said: String(message), stack }, 'Nest reports an error'),
  };
}

/**
 * Runs the main function of a service: a fault in its settings is told in plain words, anything else with its stack, and
 * both end the process with 1. An error that nobody caught ends it too, logged: whoever supervises starts it again.
 */
export async function runMain(service: string, main: () => Promise<{ close(): Promise<void> }>): Promise<void> {
  const log = createLogger(service, 'main');
  process.on('uncaughtException', (error) => {
    log.fatal({ error: describeError(error) }, 'an error that nobody caught');
    process.exit(1);
  });
  try {
    const version = knownVersion();
    if (version) tellBuild(service, version);
    const stopTracing = await startTracing({ service, ...(version && { version }), instance: randomUUID() });
    const app = await main();
    stopOnSignal(async () => {
      await app.close();
      await stopTracing();
    });
    log.info({ ms: Math.round(performance.now()) }, 'started');
  } catch (error) {
    if (error instanceof ConfigError) process.stderr.write(`${error.message}\n`);
    else log.fatal({ error: describeError(error) }, 'cannot start');
    process.exit(1);
  }
}

/** An agent in one file has no file that says it, and knows it otherwise. */
function knownVersion(): string | undefined {
  try {
    return lapwingVersion();
  } catch {
    return undefined;
  }
}

function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const once = (): void => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), STOP_MS).unref();
    stop().then(
      // Who ends itself says with which code.
      () => process.exit(process.exitCode ?? 0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', once);
  process.on('SIGINT', once);
}

/**
 * Starts a service without HTTP of its own. It keeps starting while NATS or PostgreSQL is away, and says so at `/ready`
 * of its operations port, when it has one.
 */
export async function startService(
  service: string,
  module: DynamicModule,
  ops: { LAPWING_OPS_PORT: number; LAPWING_OPS_HOST: string },
): Promise<INestApplicationContext> {
  const app = await NestFactory.createApplicationContext(module, { logger: nestLogger(service) });
  if (ops.LAPWING_OPS_PORT > 0) {
    const server = await listenForOps(app.get(Health, { strict: false }), ops.LAPWING_OPS_PORT, ops.LAPWING_OPS_HOST);
    server.unref();
  }
  return app;
}
