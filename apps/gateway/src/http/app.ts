import { nestLogger } from '@lapwing/service';
import { SpanKind, collectProcessMetrics, histogram, inSpan } from '@lapwing/telemetry';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { controllers } from '../routes/registry.js';
import { lapwingVersion } from '../version.js';
import { ErrorFilter } from './error.filter.js';
import { toErrorAnswer } from './errors.js';
import { refuseForeignPages } from './loopback.js';
import { validation } from './query.js';
import { routesOf } from './route-list.js';
import { requestIdOf } from './request-id.js';

const requestSeconds = histogram<'method' | 'route' | 'status'>({
  name: 'lapwing_http_request_seconds',
  help: 'How long HTTP requests took',
  labelNames: ['method', 'route', 'status'],
});

/** Makes the HTTP application out of a module; does not listen yet. */
export async function createGateway(module: DynamicModule, bodyLimit: number): Promise<NestFastifyApplication> {
  routesOf(controllers);
  collectProcessMetrics();
  const adapter = new FastifyAdapter({
    bodyLimit,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 512 },
    genReqId: requestIdOf,
    requestTimeout: 30_000,
    // Streams of clients that stay are ended when the server stops.
    forceCloseConnections: true,
    // What Fastify refuses before a route is found: a broken path, a body that is no JSON.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const { status, body } = toErrorAnswer(error, request.url);
      void reply.status(status).send(body);
    },
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: nestLogger('gateway') });
  app.useGlobalPipes(validation);
  app.useGlobalFilters(new ErrorFilter());
  addHooks(app);
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
    .setDescription('Metrics of hosts, live and in history. Every error has the form {success, error, code, details}.')
    .setVersion(lapwingVersion)
    .build();
  return SwaggerModule.createDocument(app, about, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
}

function addHooks(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    reply.header('x-frame-options', 'DENY');
    reply.header('referrer-policy', 'no-referrer');
    try {
      refuseForeignPages(request);
    } catch (error) {
      const { status, body } = toErrorAnswer(error, request.url);
      void reply.status(status).send(body);
      return;
    }
    void inSpan(`${request.method} ${request.routeOptions.url ?? '(no route)'}`, { kind: SpanKind.SERVER }, () => {
      done();
      return new Promise<void>((resolve) => reply.raw.once('close', resolve));
    });
  });
  fastify.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    const route = request.routeOptions.url ?? '(no route)';
    requestSeconds.observe(
      { method: request.method, route, status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    );
    done();
  });
}
