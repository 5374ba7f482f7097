import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer, goodPassword } from '../boot.ts';
import { askProxy, proxyNames, startProxy } from './proxies.ts';
import { proxySamples, unknownSamples } from './proxy-samples.ts';

test('every configuration of the page is run', () => {
  assert.deepEqual(unknownSamples, []);
});

for (const name of proxyNames) {
  test(`with the page's configuration ${name} hands on who asks, large documents, and nothing that a caller made up`, async (t) => {
    const server = await bootServer(t, proxySamples.env);
    const port = await startProxy(t, name, proxySamples.outermost[name], {
      replace: { '127.0.0.1:8080': new URL(server.url).host },
    });
    const ask = (method: string, path: string, headers: Record<string, string>, body?: Buffer | string) =>
      askProxy(port, { method, path: `/api/v1${path}`, headers, ...(body !== undefined && { body }) });
    const spoofed = {
      'X-Forwarded-For': '198.51.100.1',
      'X-Real-IP': '198.51.100.2',
      Forwarded: 'for=198.51.100.3;proto=http',
    };

    const { token } = await server.services.accounts.invite('person@example.com');
    const account = { email: 'person@example.com', password: goodPassword, invitation: token };
    const json = { 'Content-Type': 'application/json' };
    const registered = await ask('POST', '/auth/register', { ...json, ...spoofed }, JSON.stringify(account));
    assert.equal(registered.status, 201, JSON.stringify(registered.json));
    const bearer = { Authorization: `Bearer ${registered.json.access_token}` };
    const sessions = await ask('GET', '/auth/sessions/', { ...bearer, ...spoofed });
    assert.deepEqual(
      sessions.json.items.map(({ address }: { address: string }) => address),
      ['127.0.0.2'],
    );

    const key = { 'X-API-Key': registered.json.api_key };
    const form = new FormData();
    form.append('file', new Blob([Buffer.alloc(25 * 1024 * 1024)]), 'large.bin');
    const encoded = new Response(form);
    const type = { 'Content-Type': encoded.headers.get('content-type') ?? '' };
    const stored = await ask('POST', '/documents/', { ...key, ...type }, Buffer.from(await encoded.arrayBuffer()));
    assert.equal(stored.status, 201, JSON.stringify(stored.json));
    assert.equal(stored.json.size, 25 * 1024 * 1024);
  });
}
