import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { bootServer, type TestServer } from './boot.ts';
import { failStatements, faults } from './database-probes.ts';
import { exchange, rawRequest } from './raw-http.ts';

interface Seen {
  what: string;
  status: number;
  headers: Headers;
}

/** Asks every route in several ways, and for what is no route or no request at all. */
async function crawl(t: TestContext, server: TestServer): Promise<Seen[]> {
  const { apiKey, accessToken } = await server.register();
  const seen: Seen[] = [];
  const ask = async (method: string, path: string, init: RequestInit = {}) => {
    const { status, headers } = await fetch(server.url + path, { method, ...init, redirect: 'manual' });
    seen.push({ what: `${method} ${path} → ${status}`, status, headers });
  };
  const made = await server.call('POST', '/documents/', { key: apiKey, json: { title: 'one', content: '<p>' } });
  const bearer = { Authorization: `Bearer ${accessToken}` };
  for (const { method, url } of server.app.routeTable) {
    const path = url.replace(/:\w+/g, url.includes('/documents/') ? made.json.id : `key_${'0'.repeat(32)}`);
    await ask(method, path);
    if (/GET|HEAD/.test(method)) {
      await ask(method, path, { headers: { 'X-API-Key': apiKey } });
      await ask(method, path, { headers: bearer });
    }
    await ask('PURGE', path);
    if (/POST|PATCH/.test(method)) {
      await ask(method, path, { headers: { ...bearer, 'Content-Type': 'application/json' }, body: '{' });
      await ask(method, path, { headers: { ...bearer, 'Content-Type': 'text/x' }, body: 'a' });
    }
  }
  for (const path of ['/nothing', '/api/v1/nothing', '/docs/nothing', '/%', '/api/%ff']) await ask('GET', path);
  await ask('GET', `/api/v1/documents/${made.json.id}/content`, {
    headers: { 'X-API-Key': apiKey, 'If-None-Match': made.headers.get('etag') ?? '' },
  });

  const lines = ['Host: localhost', 'Connection: close'];
  for (const [what, bytes] of [
    ['not HTTP', Buffer.from('hello\r\n\r\n')],
    ['too many headers', rawRequest('GET', '/', [...lines, `X-Long: ${'a'.repeat(40_000)}`])],
    ['CONNECT', rawRequest('CONNECT', 'example.com:443', lines)],
    ['two hosts', rawRequest('GET', '/', [...lines, 'Host: example.com'])],
  ] as const) {
    const { answers } = await exchange(server.url, bytes);
    assert.equal(answers.length, 1, what);
    for (const { status, headers } of answers) seen.push({ what: `${what} → ${status}`, status, headers });
  }

  const fault = failStatements(t, faults.unreadable);
  await ask('GET', '/api/v1/me', { headers: { 'X-API-Key': apiKey } });
  await ask('GET', '/readyz');
  fault.restore();
  return seen;
}

test('every answer, of whatever status, carries the headers that keep browsers from misusing it', async (t) => {
  const server = await bootServer(t);
  const seen = await crawl(t, server);
  const statuses = [...new Set(seen.map(({ status }) => status))].sort();
  for (const status of [200, 304, 400, 401, 403, 404, 405, 415, 431, 503]) {
    assert.ok(statuses.includes(status), `the crawl met ${statuses}, not ${status}`);
  }
  for (const { what, headers } of seen) {
    assert.equal(headers.get('x-content-type-options'), 'nosniff', what);
    assert.equal(headers.get('referrer-policy'), 'no-referrer', what);
    assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin', what);
    assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin', what);
    assert.equal(headers.get('x-frame-options'), 'DENY', what);
    assert.equal(headers.get('cache-control'), 'no-store', what);
    assert.ok(headers.get('x-request-id'), what);
    const policy = (headers.get('content-security-policy') ?? '').split(/; ?/);
    for (const directive of [
      "default-src 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "object-src 'none'",
    ]) {
      assert.ok(policy.includes(directive), `${what}: ${policy.join('; ')}`);
    }
    assert.ok(!policy.some((directive) => /unsafe-|\*/.test(directive)), what);
    for (const banner of ['server', 'x-powered-by', 'via']) assert.equal(headers.get(banner), null, what);
    assert.equal(headers.get('strict-transport-security'), null, `${what}: over plain http`);
  }
  t.diagnostic(`${seen.length} answers with the statuses ${statuses}`);
});

test('when the public URL is https, every answer tells browsers to insist on it for a year', async (t) => {
  const server = await bootServer(t, { INKSONG_PUBLIC_URL: 'https://api.example.com' });
  for (const { what, headers } of await crawl(t, server)) {
    assert.equal(headers.get('strict-transport-security'), 'max-age=31536000; includeSubDomains', what);
  }
});

test('the dashboard allows its own scripts and styles alone, and a document’s bytes are sandboxed', async (t) => {
  const server = await bootServer(t);
  const page = await fetch(`${server.url}/`);
  assert.match(
    page.headers.get('content-security-policy') ?? '',
    /^default-src 'none'; script-src 'self' 'sha256-[\w+/]+=*'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; /,
  );
  const { apiKey } = await server.register();
  const { json } = await server.call('POST', '/documents/', {
    key: apiKey,
    json: { title: 'page', content: '<script>alert(1)</script>', content_type: 'text/html' },
  });
  const bytes = await server.call('GET', `/documents/${json.id}/content`, { key: apiKey });
  assert.match(bytes.headers.get('content-security-policy') ?? '', /^sandbox; /);
});
