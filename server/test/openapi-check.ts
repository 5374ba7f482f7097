import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { HttpServer } from '../src/http/server.ts';
import type { Answer } from './boot.ts';

interface Operation {
  operationId: string;
  responses: Record<string, { content?: Record<string, { schema?: object }> }>;
  'x-any-method'?: boolean;
  'x-any-path'?: boolean;
}
interface OpenApiDocument {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

const validators = new WeakMap<HttpServer, { document: OpenApiDocument; ajv: Ajv2020 }>();

/**
 * Fails when an answer is not one that /openapi.json documents for its route: status, content type, body.
 * Answers of paths and methods that are no route must be a problem.
 */
export function checkAnswer(app: HttpServer, method: string, path: string, answer: Answer): void {
  let known = validators.get(app);
  if (!known) {
    const document = app.swagger() as unknown as OpenApiDocument;
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'openapi', ...document });
    known = { document, ajv };
    validators.set(app, known);
  }
  const type = (answer.headers.get('content-type') ?? '').split(';', 1)[0] ?? '';
  const where = `${method} ${path} → ${answer.status}`;
  const operation = findOperation(known.document, method, path);
  const isText = /^text\/|[/+]xml$/.test(type);
  const isDocument = operation?.responses['200']?.content?.['*/*'] !== undefined;
  if (isText && !isDocument) assert.match(answer.headers.get('content-type') ?? '', /;\s*charset=utf-8$/i, where);
  if (answer.bytes.length > 0) assert.notEqual(type, '', `${where} does not say what its body is`);
  if (answer.status === 204) assert.equal(type, '', `${where} says what no body is`);
  if (method === 'HEAD' || path.startsWith('/openapi.json')) return;

  if (answer.status >= 400) {
    assert.equal(type, 'application/problem+json', `${where} is not a problem: ${answer.bytes}`);
    assert.ok(
      known.ajv.validate('openapi#/components/schemas/Problem', answer.json),
      `${where} ${known.ajv.errorsText()}`,
    );
    assert.equal(answer.json.status, answer.status, where);
    assert.equal(answer.json.request_id, answer.headers.get('x-request-id'), where);
    if (answer.status === 401) assert.ok(answer.headers.has('www-authenticate'), where);
    if (answer.status === 405) assert.ok(answer.headers.has('allow'), where);
    if (answer.status === 429 || answer.status === 503) assert.ok(answer.headers.has('retry-after'), where);
  }
  // The answer to a preflight: between the browser and the server, no operation.
  if (method === 'OPTIONS' && answer.status === 204) return;
  if (!operation) {
    assert.ok(answer.status >= 400, `${where} is not documented`);
    return;
  }
  const response = operation.responses[answer.status];
  // What the HTTP server refuses before any route is reached is not listed on each of them.
  if (!response && [404, 405, 408, 413, 415, 431].includes(answer.status)) return;
  assert.ok(response, `${where} is not documented: ${answer.bytes.subarray(0, 300)}`);
  if (!response.content) {
    assert.equal(answer.bytes.length, 0, where);
    return;
  }
  const content = response.content?.[type] ?? response.content?.['*/*'];
  assert.ok(content, `${where} has the undocumented content type ${type}`);
  // A document may happen to be JSON; its content is nobody's business.
  if (content.schema && content === response.content?.[type] && answer.json !== null) {
    const pointer = [
      'paths',
      pathOf(known.document, path) ?? '',
      operation['x-any-method'] ? 'get' : method.toLowerCase(),
      'responses',
      String(answer.status),
      'content',
      type,
      'schema',
    ];
    const reference = `openapi#/${pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
    assert.ok(known.ajv.validate(reference, answer.json), `${where} ${known.ajv.errorsText()} ${answer.bytes}`);
  }
}

function findOperation(document: OpenApiDocument, method: string, path: string): Operation | undefined {
  const key = pathOf(document, path);
  if (key === undefined) return undefined;
  const { [method.toLowerCase()]: own, get } = document.paths[key] ?? {};
  return own ?? (get?.['x-any-method'] ? get : undefined);
}

function pathOf(document: OpenApiDocument, path: string): string | undefined {
  const plain = path.split('?', 1)[0]?.replace(/\/$/, '');
  return Object.entries(document.paths).find(([candidate, { get }]) => {
    const rest = get?.['x-any-path'] ? '(/.*)?' : '';
    return new RegExp(`^${candidate.replace(/\/$/, '').replace(/\{[^}]+\}/g, '[^/]+')}${rest}$`).test(plain ?? '');
  })?.[0];
}
