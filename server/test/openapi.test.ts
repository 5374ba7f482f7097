import assert from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import { BaseResolver, createConfig, lintFromString } from '@redocly/openapi-core';
import type { ErrorCode } from '../src/app-error.ts';
import type { Access } from '../src/http/authentication.ts';
import { problemKinds } from '../src/http/problem.ts';
import type { HttpServer } from '../src/http/server.ts';
import { hashLinkToken } from '../src/mail/mailed-link.ts';
import { bootServer, type CallOptions, goodPassword, type TestServer } from './boot.ts';

interface Media {
  schema?: object;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

interface Operation {
  operationId?: string;
  summary?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  parameters?: { name: string; in: string; required?: boolean; example?: unknown; schema?: { examples?: unknown[] } }[];
  requestBody?: { required?: boolean; content: Record<string, Media> };
  responses: Record<string, { description?: string; content?: Record<string, Media> }>;
}

interface Document {
  openapi: string;
  info: { description: string };
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
}

interface Route {
  method: string;
  /** As OpenAPI writes it: `/api/v1/api-keys/{id}/rotate`. */
  path: string;
  access: Access;
  errors: readonly ErrorCode[];
  refusalStatus: (status: number) => number;
  reads: { body: boolean; query: boolean; path: boolean };
}

/** A real server has a real name, which is also what Redocly wants to see. */
const publicUrl = 'https://api.inksong.test';

/** Every route that `createApp` adds, as Fastify is told of it. */
const routes: Route[] = [];

diagnostics.subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { fastify: HttpServer };
  routes.length = 0;
  fastify.addHook('onRoute', ({ method, url, config, schema }) => {
    for (const each of [method].flat()) {
      if (each === 'HEAD') continue;
      routes.push({
        method: each.toLowerCase(),
        path: url.replace(/:(\w+)/g, '{$1}'),
        access: config?.access ?? 'public',
        errors: config?.errors ?? [],
        refusalStatus: config?.refusalStatus ?? ((status) => status),
        reads: {
          body: schema?.body !== undefined,
          query: schema?.querystring !== undefined,
          path: schema?.params !== undefined,
        },
      });
    }
  });
});

async function boot(t: TestContext): Promise<{ server: TestServer; document: Document }> {
  const server = await bootServer(t, { INKSONG_PUBLIC_URL: publicUrl });
  return { server, document: (await server.call('GET', '/openapi.json')).json };
}

/** Pages, and the document itself, are not the API: whoever hides a route of it hides it from its users. */
const isOfTheApi = ({ path }: Route): boolean => /^\/(api\/|healthz|readyz)/.test(path);

function operationsOf({ paths }: Document): { path: string; method: string; operation: Operation; name: string }[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method,
      operation,
      name: `${method.toUpperCase()} ${path}`,
    })),
  );
}

test('/openapi.json is OpenAPI 3.1 and passes every recommended rule of Redocly without so much as a warning', async (t) => {
  const { document } = await boot(t);
  assert.match(document.openapi, /^3\.1\.\d+$/);
  const config = await createConfig({
    extends: ['recommended'],
    // Our contract gives collections a trailing slash, as the reference page promised, and this rule forbids one.
    rules: { 'no-path-trailing-slash': 'off' },
  });
  const offline = new BaseResolver();
  offline.loadExternalRef = async (reference) => {
    throw new Error(`The document points outside itself: ${reference}`);
  };
  const lint = async (subject: object): Promise<string[]> =>
    (
      await lintFromString({
        source: JSON.stringify(subject),
        absoluteRef: 'openapi.json',
        config,
        externalRefResolver: offline,
      })
    ).map(({ severity, ruleId, message, location }) => `${severity} ${ruleId}: ${message} ${location[0]?.pointer}`);

  assert.deepEqual(await lint(document), []);
  assert.notDeepEqual(await lint({ ...document, info: {} }), [], 'the rules do run');
});

test('every route of the API is documented, and nothing else is', async (t) => {
  const { document } = await boot(t);
  assert.ok(routes.length > 5);
  const served = routes.filter(isOfTheApi).map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  const documented = operationsOf(document).map(({ name }) => name);
  assert.deepEqual(documented.toSorted(), served.toSorted());
  for (const { method, path, access } of routes.filter((route) => !isOfTheApi(route))) {
    assert.ok(method === 'get' && access === 'public', `${method} ${path} is undocumented, so it may only be a page`);
  }
});

test('every operation has a name of its own, a summary, known tags and described answers', async (t) => {
  const { document } = await boot(t);
  const tags = document.tags.map(({ name }) => name);
  const names = new Set<string>();
  for (const { operation, name } of operationsOf(document)) {
    assert.match(operation.operationId ?? '', /^[a-z][A-Za-z]+$/, name);
    assert.ok(!names.has(operation.operationId ?? ''), `${operation.operationId} is used twice`);
    names.add(operation.operationId ?? '');
    assert.ok(operation.summary, `${name} has no summary`);
    assert.equal(operation.tags?.length, 1, `${name} has not one tag`);
    for (const tag of operation.tags ?? []) assert.ok(tags.includes(tag), `${name} has the undeclared tag ${tag}`);
    const statuses = Object.keys(operation.responses);
    assert.ok(
      statuses.some((status) => status.startsWith('2')),
      `${name} documents no success`,
    );
    for (const [status, { description }] of Object.entries(operation.responses)) {
      assert.ok(description && description !== 'Default Response', `${name} → ${status} is not described`);
    }
  }
});

test('every operation states its security as its access rule has it; resource routes take either scheme', async (t) => {
  const { document } = await boot(t);
  const schemes: Record<Access, string[]> = {
    public: [],
    both: ['apiKey', 'bearer'],
    'api-key': ['apiKey'],
    bearer: ['bearer'],
    'bearer-fresh': ['bearer'],
    'refresh-cookie': ['refreshCookie'],
  };
  for (const { method, path, access } of routes.filter(isOfTheApi)) {
    // One requirement each: within one object they would be needed together.
    const expected = schemes[access].map((scheme) => ({ [scheme]: [] }));
    assert.deepEqual(document.paths[path]?.[method]?.security, expected, `${method} ${path}`);
  }
  assert.ok(routes.some(({ access }) => access === 'both'));
});

test('every operation lists every error that its access and the parts of a request it reads bring about', async (t) => {
  const { document } = await boot(t);
  const byAccess: Record<Access, ErrorCode[]> = {
    public: [],
    both: ['invalid_credentials'],
    'api-key': ['invalid_credentials', 'api_key_required'],
    bearer: ['invalid_credentials', 'session_required'],
    'bearer-fresh': ['invalid_credentials', 'session_required', 'reauthentication_required'],
    'refresh-cookie': ['origin_not_allowed'],
  };
  for (const { method, path, access, errors, refusalStatus, reads } of routes.filter(isOfTheApi)) {
    const codes: ErrorCode[] = ['invalid_request', 'internal_error', 'unavailable', ...byAccess[access], ...errors];
    if (reads.body) codes.push('content_too_large', 'unsupported_media_type', 'validation_failed');
    if (reads.query) codes.push('validation_failed');
    if (reads.path) codes.push('not_found');
    for (const code of codes) {
      const response = document.paths[path]?.[method]?.responses[refusalStatus(problemKinds[code].status)];
      const where = `${method} ${path} does not document ${code}`;
      assert.match(response?.description ?? '', new RegExp(`\`${code}\``), where);
      assert.deepEqual(
        response?.content,
        { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        where,
      );
    }
  }
});

test('what is refused before any operation is reached is told in the description', async (t) => {
  const { document } = await boot(t);
  for (const code of ['method_not_allowed', 'request_timeout', 'headers_too_large', 'not_found'] as const) {
    assert.ok(document.info.description.includes(`${problemKinds[code].status} \`${code}\``), code);
  }
});

test('each path is served with and without its last slash, and never redirected', async (t) => {
  const { server, document } = await boot(t);
  for (const { path, method, name } of operationsOf(document)) {
    const plain = path.replace(/\{\w+\}/g, 'doc_00000000000000000000000000000000').replace(/\/$/, '');
    const [without, slashed] = [
      await server.call(method.toUpperCase(), plain),
      await server.call(method.toUpperCase(), `${plain}/`),
    ];
    assert.equal(without.status, slashed.status, name);
    assert.ok(![301, 302, 303, 307, 308, 404, 405].includes(slashed.status), `${name} → ${slashed.status}`);
  }
});

test('every operation, called as its documentation shows, by each scheme it offers, answers 2xx as documented', async (t) => {
  const { server, document } = await boot(t);
  await server.register('you@example.com');
  for (const { path, method, operation, name } of operationsOf(document)) {
    for (const security of alternatives(operation)) {
      for (const body of documentedBodies(operation)) {
        const { credentials, resolve } = await fixtures(server, security);
        const url = (await resolve(path)) + documentedQuery(operation);
        // `call` holds the answer against the schema of its status.
        const answer = await server.call(method.toUpperCase(), url, { ...credentials, ...body });
        assert.ok(answer.status >= 200 && answer.status < 300, `${name} → ${answer.status} ${answer.bytes}`);
      }
    }
  }
});

function alternatives({ security = [] }: Operation): (string | null)[] {
  const schemes = security.flatMap((requirement) => Object.keys(requirement));
  return schemes.length === 0 ? [null] : schemes;
}

/** Every body a reader may copy from the document; also none at all, where it says that this will do. */
function documentedBodies({ requestBody, operationId }: Operation): CallOptions[] {
  if (!requestBody) return [{}];
  const bodies: CallOptions[] = requestBody.required ? [] : [{}];
  for (const [type, media] of Object.entries(requestBody.content)) {
    const examples = [
      ...(media.example === undefined ? [] : [media.example]),
      ...Object.values(media.examples ?? {}).map(({ value }) => value),
    ];
    if (type === 'application/json') assert.ok(examples.length > 0, `${operationId} has no example`);
    for (const example of examples) bodies.push(encode(type, example));
  }
  if (bodies.length === 0) bodies.push({ body: 'any bytes', headers: { 'Content-Type': 'text/plain' } });
  return bodies;
}

function encode(type: string, example: unknown): CallOptions {
  if (type === 'application/json') return { json: example };
  if (type !== 'multipart/form-data') return { body: String(example), headers: { 'Content-Type': type } };
  const form = new FormData();
  for (const [name, value] of Object.entries(example as Record<string, string>)) {
    if (name === 'file') form.append(name, new Blob([value], { type: 'text/plain' }), 'example.txt');
    else form.append(name, value);
  }
  return { body: form };
}

/** Optional parameters are shown with an example or not at all. */
function documentedQuery({ parameters = [] }: Operation): string {
  const query = new URLSearchParams();
  for (const { name, in: where, example, schema } of parameters) {
    const shown = example ?? schema?.examples?.[0];
    if (where === 'query' && shown !== undefined) query.set(name, String(shown));
  }
  return query.size === 0 ? '' : `?${query}`;
}

/** An account of its own for each call, since some of them end it, and things of its own for the ids in a path. */
async function fixtures(server: TestServer, security: string | null) {
  const account = await server.register();
  const credentials: Record<string, CallOptions> = {
    apiKey: { key: account.apiKey },
    bearer: { bearer: account.accessToken },
    refreshCookie: { refreshToken: account.refreshToken },
  };
  await mailExampleLinks(server, account.id);
  const made: Record<string, () => Promise<string>> = {
    'api-keys': async () => account.apiKeyId,
    sessions: async () => account.sessionId,
    documents: async () => {
      const answer = await server.call('POST', '/documents/', {
        key: account.apiKey,
        json: { title: 'Example', content: goodPassword },
      });
      return answer.json.id;
    },
  };
  const resolve = async (path: string): Promise<string> => {
    const collection = /([\w-]+)\/\{id\}/.exec(path)?.[1];
    if (collection === undefined) return path;
    const make = made[collection];
    assert.ok(make, `This test does not know how to make one of ${collection}`);
    return path.replace('{id}', await make());
  };
  return { credentials: security === null ? {} : (credentials[security] ?? {}), resolve };
}

/** The links that the document's examples quote, as if they had been mailed. */
async function mailExampleLinks(server: TestServer, accountId: string): Promise<void> {
  const { query } = server.services.database;
  const links = {
    sV3Jr0y7eJZ4m5xTq8b1uWn2cGhKpLd6aFoRi9EtQzA: { purpose: 'sign_up', email: 'opened@example.com', account_id: null },
    hT5cWp9nQ2yRk7bZx1vMd4sGf8jLa6uEo3iXqYwKtNc: {
      purpose: 'email_change',
      email: 'changed@example.com',
      account_id: accountId,
    },
    mB7kXw2PzQ9dLr4vTn6yHc1sJf8gUa3eKo5iRxYqWtE: {
      purpose: 'password_reset',
      email: 'changed@example.com',
      account_id: accountId,
    },
  };
  await query.deleteFrom('mailed_links').execute();
  for (const [token, link] of Object.entries(links)) {
    await query
      .insertInto('mailed_links')
      .values({
        hash: hashLinkToken(token),
        ...link,
        password_hash: null,
        expires_at: Date.now() + 60_000,
      })
      .execute();
  }
}
