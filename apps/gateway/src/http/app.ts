import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import { nestLogger } from '@lapwing/service';
import { collectProcessMetrics } from '@lapwing/telemetry';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { GatewayConfig } from '../config.js';
import { controllers } from '../routes/registry.js';
import { AuditService } from '../services/audit.service.js';
import { LimitsService } from '../services/limits.service.js';
import { OpenWritesService } from '../services/open-writes.service.js';
import { PrincipalsService } from '../services/principals.service.js';
import { lapwingVersion } from '../version.js';
import { answerBroken } from './broken-request.js';
import { actorOf } from './caller.js';
import { addDraining } from './drain.js';
import { ErrorFilter } from './error.filter.js';
import { toErrorAnswer } from './errors.js';
import { Guard } from './guard.js';
import { validation } from './query.js';
import { routesOf, type Route } from './route-list.js';
import { requestIdOf } from './request-id.js';
import { measureRequests } from './request-span.js';
import { addSecurityHeaders } from './security-headers.js';
import { withAlertId } from './alert-path.js';
import { WebRequest, routeUpgrades } from './upgrade.js';

/** Headers that scripts of other origins may read, too. */
const EXPOSED = [
  'retry-after',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-request-id',
  'x-trace-id',
  'x-diagnostics-cached-at',
];

/** Makes the HTTP application out of a module; does not listen yet. */
export async function createGateway(module: DynamicModule, config: GatewayConfig): Promise<NestFastifyApplication> {
  const routes = routesOf(controllers);
  collectProcessMetrics();
  const adapter = new FastifyAdapter({
    bodyLimit: config.GATEWAY_BODY_LIMIT,
    trustProxy: config.TRUSTED_PROXIES.length > 0 ? config.TRUSTED_PROXIES : false,
    // The longest parameters are ids of alerts.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
    rewriteUrl: withAlertId,
    genReqId: requestIdOf,
    requestTimeout: 30_000,
    http: { IncomingMessage: WebRequest },
    // Streams of clients that stay are ended when the server stops.
    forceCloseConnections: true,
    // What Fastify refuses before a route is found: a broken path, a body that is no JSON.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const { status, body } = toErrorAnswer(error, request.url);
      void reply.status(status).send(body);
    },
    clientErrorHandler: answerBroken,
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: nestLogger('gateway') });
  app.useGlobalPipes(validation);
  app.useGlobalFilters(new ErrorFilter());
  addDraining(app);
  measureRequests(app.getHttpAdapter().getInstance());
  await addSecurityHeaders(app);
  if (config.CORS_ORIGINS.length > 0)
    await app.register(cors, { origin: config.CORS_ORIGINS, credentials: true, exposedHeaders: EXPOSED });
  await app.register(cookie);
  addGuard(app, config, routes);
  addSockets(app);
  const document = describeApi(app);
  SwaggerModule.setup('api/docs', app, document, {
    jsonDocumentUrl: 'api/openapi.json',
    customSiteTitle: 'Lapwing API',
  });
  return app;
}

/** The OpenAPI document of all routes. */
export function describeApi(app: NestFastifyApplication): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Lapwing')
    .setDescription(
      'Hosts, live and in history; who may see and do what. Every error has the form {success, error, code, details}.',
    )
    .setVersion(lapwingVersion)
    .addBearerAuth()
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Token' }, 'token')
    .addSecurityRequirements('bearer')
    .addSecurityRequirements('token')
    .build();
  return SwaggerModule.createDocument(app, about, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
}

/** Lets connections become sockets, and leaves what Engine.IO sends by polling for it to read. */
function addSockets(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addContentTypeParser(
    'text/plain',
    (_: FastifyRequest, payload: unknown, done: (error: null, body: unknown) => void) => done(null, payload),
  );
  routeUpgrades(app);
}

/** Lets nobody pass without the guard, and tells the audit trail what was done. */
function addGuard(app: NestFastifyApplication, config: GatewayConfig, routes: Route[]): void {
  const fastify = app.getHttpAdapter().getInstance();
  const bodyLimits = new Map(routes.map(({ method, path, access }) => [`${method} ${path}`, access.bodyLimit]));
  fastify.addHook('onRoute', (options: RouteOptions) => {
    const limit = bodyLimits.get(`${String(options.method)} ${options.url}`);
    if (limit !== undefined) options.bodyLimit = Math.max(limit, config.GATEWAY_BODY_LIMIT);
  });
  const audit = app.get(AuditService, { strict: false });
  const principals = app.get(PrincipalsService, { strict: false });
  const limits = app.get(LimitsService, { strict: false });
  const openWrites = app.get(OpenWritesService, { strict: false });
  const guard = new Guard({ principals, limits, audit, openWrites }, config, routes);
  fastify.decorateRequest('caller', null);
  // What it throws ends the request here; an answer alone would not keep the handler from running meanwhile.
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply) => guard.pass(request, reply));
  fastify.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    const tell = guard.routeOf(request)?.audit;
    if (typeof tell === 'function' && reply.statusCode < 400) await audit.record(actorOf(request), tell(request));
    return payload;
  });
}
