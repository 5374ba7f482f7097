import swagger from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { Type } from '#typebox';
import type { ErrorCode } from '../app-error.ts';
import type { Access } from './authentication.ts';
import { problemKinds } from './problem.ts';
import type { HttpServer } from './server.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What this route refuses beyond what its access, body, query and path already imply. */
    errors?: readonly ErrorCode[];
    /** Parts of the OpenAPI operation that the route's schema cannot say, such as a body of any type. */
    openapi?: Record<string, unknown>;
  }
}

/** What is refused before any operation is reached: told once, in the description, instead of with each operation. */
const beforeAnyOperation = (
  [
    'https_required',
    'not_found',
    'method_not_allowed',
    'request_timeout',
    'content_too_large',
    'unsupported_media_type',
    'headers_too_large',
  ] as const
)
  .map((code) => `${problemKinds[code].status} \`${code}\``)
  .join(', ');

const description = `A document API with accounts. Servers send a long-lived key in \`X-API-Key\`; browsers send a short-lived
access token in \`Authorization: Bearer\`. The endpoints do not care which, only that it is valid; the few that manage
credentials take a Bearer token alone.

Collections end in a slash; the form without it is served too, never redirected. Bodies are JSON in UTF-8, and unknown
fields are refused.

Every refusal is \`application/problem+json\` (RFC 9457) with a stable \`code\`. Besides those listed with each operation,
any request can meet the ones that come before an operation is reached: ${beforeAnyOperation}.
A 405 names the supported methods in \`Allow\`, a 429 and a 503 say in \`Retry-After\` when to come back, and every answer carries
\`X-Request-Id\`.`;

const problemSchema = Type.Object(
  {
    type: Type.String({ format: 'uri', description: 'Stable for each code.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What to change, for a person.' }),
    code: Type.Enum(Object.keys(problemKinds) as ErrorCode[], { description: 'What a program should branch on.' }),
    request_id: Type.String({ description: 'Also in X-Request-Id; quote it when asking for help.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'JSON Pointer (RFC 6901) into the request.' }),
          detail: Type.String(),
        }),
      ),
    ),
  },
  { title: 'Problem', description: 'RFC 9457 problem details.', additionalProperties: false },
);

const securityOf: Record<Access, Record<string, string[]>[]> = {
  public: [],
  both: [{ apiKey: [] }, { bearer: [] }],
  'api-key': [{ apiKey: [] }],
  bearer: [{ bearer: [] }],
  'bearer-fresh': [{ bearer: [] }],
  'refresh-cookie': [{ refreshCookie: [] }],
};

interface RequestBody {
  required?: boolean;
  content: Record<string, { schema?: { required?: string[]; minProperties?: number } }>;
}

interface Operation {
  operationId?: string;
  requestBody?: RequestBody;
  parameters?: { required?: boolean; schema?: { default?: unknown } }[];
}

/** Generates /openapi.json (OpenAPI 3.1) from the routes. Call before any route is added. */
export async function registerOpenApi(server: HttpServer, publicUrl: string): Promise<void> {
  const overrides = new Map<string, Record<string, unknown>>();

  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Inksong',
        summary: 'A self-hosted document API with accounts: API keys and Bearer tokens on the same endpoints.',
        version: '1',
        description,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: publicUrl }],
      tags: [
        { name: 'Sign-in', description: 'Accounts, access tokens and the refresh cookie.' },
        { name: 'Sessions', description: 'Where you are signed in; only for signed-in people.' },
        {
          name: 'API keys',
          description: 'See, change and rotate the key, and say where it may be used from; only for signed-in people.',
        },
        { name: 'Documents', description: 'With either scheme.' },
        { name: 'Audit log', description: 'What happened to the account; only for signed-in people.' },
        { name: 'Usage', description: 'Requests a day, with either scheme.' },
        {
          name: 'Decision endpoint',
          description: 'For a proxy with some other service behind it: may this request go on, and who sent it?',
        },
        { name: 'Service', description: 'Health.' },
      ],
      components: {
        securitySchemes: {
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: '`ink_` and 48 hexadecimal digits.' },
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'From login or refresh; valid for 15 minutes.',
          },
          refreshCookie: {
            type: 'apiKey',
            in: 'cookie',
            name: '__Host-inksong_refresh',
            description: 'Set by login; httpOnly.',
          },
        },
        schemas: { Problem: problemSchema as never },
      },
    },
    transform({ schema, url, route }) {
      const { access, limit, errors = [], openapi, refusalStatus } = route.config ?? { access: 'public' };
      if (!schema || schema.hide) return { schema: { ...schema, hide: true }, url };
      const id = (schema as { operationId?: string }).operationId;
      if (openapi && id !== undefined) overrides.set(id, openapi);
      const documented = {
        ...schema,
        security: securityOf[access],
        response: {
          ...(schema.response as object),
          ...errorResponses(
            [
              ...impliedErrors(access, schema, route.method === 'GET'),
              ...(limit ? (['rate_limited'] as const) : []),
              ...errors,
            ],
            refusalStatus,
          ),
        },
      };
      return { schema: documented, url };
    },
    transformObject(document) {
      const { openapiObject } = document as {
        openapiObject: { paths?: Record<string, Record<string, Operation>> };
      };
      for (const operations of Object.values(openapiObject.paths ?? {})) {
        for (const operation of Object.values(operations)) {
          // The plugin takes every parameter of the validated query for one that callers must send.
          for (const parameter of operation.parameters ?? []) {
            if (parameter.schema?.default !== undefined) parameter.required = false;
          }
          if (operation.requestBody) operation.requestBody.required = !allowsNoBody(operation.requestBody);
          Object.assign(operation, overrides.get(operation.operationId ?? ''));
        }
      }
      return openapiObject as never;
    },
  });

  server.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, () => server.swagger());
}

/** A missing body is `{}`, so it may be left out where `{}` is allowed; the plugin calls every body required. */
function allowsNoBody({ content }: RequestBody): boolean {
  return Object.values(content).every(
    ({ schema }) => schema && (schema.required ?? []).length === 0 && !schema.minProperties,
  );
}

/** What a route may answer merely because of its access and the parts of a request it reads. */
function impliedErrors(access: Access, schema: FastifySchema, readsOnly: boolean): ErrorCode[] {
  const codes: ErrorCode[] = ['invalid_request', 'internal_error', 'unavailable'];
  if (!readsOnly) codes.push('storage_full');
  if (access !== 'public' && access !== 'refresh-cookie') codes.push('invalid_credentials', 'rate_limited');
  if (access !== 'public' && access !== 'refresh-cookie') codes.push('key_in_browser', 'address_not_allowed');
  if (access === 'api-key') codes.push('api_key_required');
  if (access === 'bearer' || access === 'bearer-fresh') codes.push('session_required');
  if (access === 'bearer-fresh') codes.push('reauthentication_required');
  if (access === 'refresh-cookie') codes.push('origin_not_allowed');
  if (schema.body) codes.push('content_too_large', 'unsupported_media_type', 'validation_failed');
  if (schema.querystring) codes.push('validation_failed');
  if (schema.params) codes.push('not_found');
  return codes;
}

function errorResponses(
  codes: readonly ErrorCode[],
  statusOf: (status: number) => number = (status) => status,
): Record<number, unknown> {
  const responses: Record<number, unknown> = {};
  const sorted = [...new Set(codes)].sort();
  for (const [status, group] of Map.groupBy(sorted, (code) => statusOf(problemKinds[code].status))) {
    responses[status] = {
      description: group.map((code) => `\`${code}\`: ${problemKinds[code].title}.`).join(' '),
      // Plain JSON Schemas: the plugin makes OpenAPI header objects of them.
      ...(status === 401 && { headers: { 'WWW-Authenticate': { description: 'The challenge.', type: 'string' } } }),
      ...(status === 429 && {
        headers: {
          'Retry-After': { description: 'Seconds.', type: 'integer' },
          RateLimit: { description: 'Where you stand with each limit.', type: 'string' },
          'RateLimit-Policy': { description: 'The limits.', type: 'string' },
        },
      }),
      ...(status === 503 && { headers: { 'Retry-After': { description: 'Seconds.', type: 'integer' } } }),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    };
  }
  return responses;
}
