import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer } from './boot.ts';
import { exchange, rawRequest } from './raw-http.ts';

test('a method that a path does not answer is 405 with Allow, however the path is written', async (t) => {
  const server = await bootServer(t);
  for (const path of ['/api/v1/me', '/api/v1/me/', '/api/v1/%6de', '/api/%76%31/me?a=%']) {
    const answer = await fetch(server.url + path, { method: 'PUT' });
    assert.equal(answer.status, 405, path);
    assert.equal(answer.headers.get('allow'), 'DELETE, GET, HEAD', path);
  }
  for (const path of ['/api/v1/m%2Fe', '/api/v1/%', '/api/v1/m%65%00']) {
    assert.notEqual((await fetch(server.url + path, { method: 'PUT' })).status, 405, path);
  }
});

test('a target in absolute form, or with a fragment, is answered as its path is', async (t) => {
  const server = await bootServer(t);
  const statusOf = async (method: string, target: string): Promise<[number | undefined, string | null | undefined]> => {
    const request = rawRequest(method, target, ['Host: localhost', 'Connection: close']);
    const { answers } = await exchange(server.url, request);
    return [answers[0]?.status, answers[0]?.headers.get('allow')];
  };
  for (const origin of [server.url, 'http://localhost', 'HTTPS://api.example.com:8443']) {
    assert.deepEqual(await statusOf('GET', `${origin}/healthz`), [200, null]);
    assert.deepEqual(await statusOf('PUT', `${origin}/api/v1/me?a=b`), [405, 'DELETE, GET, HEAD']);
    assert.deepEqual(await statusOf('PUT', `${origin}/api/v1/%6de`), [405, 'DELETE, GET, HEAD']);
    assert.deepEqual(await statusOf('PUT', `${origin}/nothing/http://localhost/api/v1/me`), [404, null]);
  }
  assert.deepEqual(await statusOf('PUT', '/api/v1/me#part'), [405, 'DELETE, GET, HEAD']);
  assert.deepEqual(await statusOf('PUT', '/nothing?x=http://localhost/api/v1/me'), [404, null]);
});

test('a body with a name that could reach a prototype is refused for what it is', async (t) => {
  const server = await bootServer(t);
  const detailOf = async (body: string): Promise<string> => {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await server.call('POST', '/auth/login', { headers, body });
    assert.equal(answer.status, 400, body);
    return answer.json.detail;
  };
  assert.match(await detailOf('{"__proto__": {"email": "a"}}'), /No field may be called "__proto__"/);
  assert.match(await detailOf('{"constructor": {"prototype": {}}}'), /"constructor"/);
  assert.match(await detailOf('{"email": '), /not valid JSON/);
});
