import { applyDecorators } from '@nestjs/common';
import { ApiDefaultResponse, ApiOperation, ApiResponse } from '@nestjs/swagger';
import { z } from 'zod';

type SchemaObject = Extract<NonNullable<Parameters<typeof ApiResponse>[0]>, { schema: unknown }>['schema'];

/** An instant as the APIs write it. */
export const isoTime = z.string().describe('ISO 8601, UTC');

/** The form of every error. */
const ErrorBody = z.object({
  success: z.literal(false),
  error: z.string().describe('what was wrong, in words'),
  code: z.string(),
  details: z.record(z.string(), z.unknown()),
});

function describe(schema: z.ZodType): SchemaObject {
  return z.toJSONSchema(schema, { target: 'openapi-3.0', unrepresentable: 'any' }) as SchemaObject;
}

/**
 * Describes in the OpenAPI document what a route answers.
 * @param summary what the route does, in a few words.
 * @param schema the answer's form; with several media types, one each.
 * @param statuses under which the answer comes.
 */
export function Answers(
  summary: string,
  schema: z.ZodType | Record<string, z.ZodType>,
  statuses: number[] = [200],
): MethodDecorator {
  const byType = schema instanceof z.ZodType ? { 'application/json': schema } : schema;
  const content = Object.fromEntries(Object.entries(byType).map(([type, one]) => [type, { schema: describe(one) }]));
  return applyDecorators(
    ApiOperation({ summary }),
    ...statuses.map((status) => ApiResponse({ status, description: summary, content })),
    ApiDefaultResponse({
      description: 'an error',
      content: { 'application/json': { schema: describe(ErrorBody) } },
    }),
  );
}
