import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer, type TestAccount, temporaryDirectory } from '../boot.ts';
import { createText } from '../documents-upload.ts';
import { askProxy, startProxy } from './proxies.ts';
import { proxySamples } from './proxy-samples.ts';

test('a shared cache in front keeps what is public, and nothing that an account was answered', async (t) => {
  const server = await bootServer(t, { ...proxySamples.env, INKSONG_SIGNUP: 'open' });
  const cache = temporaryDirectory(t);
  // It goes by what answers say of themselves, and by nothing else: not even by who asks.
  const configuration = proxySamples.outermost.nginx
    .replace('server {', `proxy_cache_path ${cache} keys_zone=shared:1m;\nserver {\n    proxy_cache shared;`)
    .replace('proxy_buffering off;', 'add_header X-Cache $upstream_cache_status always;');
  const port = await startProxy(t, 'nginx', configuration, {
    replace: { '127.0.0.1:8080': new URL(server.url).host },
  });
  const ask = async (path: string, headers: Record<string, string>) => {
    const { status, bytes, headers: answered } = await askProxy(port, { path, headers });
    return { status, text: bytes.toString(), cached: answered['x-cache'] };
  };

  const [owner, other] = [await server.register(), await server.register()];
  const { id } = await createText(server, owner.apiKey, 'of the first account alone');
  const schemes = {
    key: ({ apiKey }: TestAccount) => ({ 'X-API-Key': apiKey }),
    bearer: ({ accessToken }: TestAccount) => ({ Authorization: `Bearer ${accessToken}` }),
  };
  const paths = ['/me', '/documents/', `/documents/${id}`, `/documents/${id}/content`, '/usage/'];
  const onlyBearer = ['/events/', '/api-keys/', '/auth/sessions/'];
  let asked = 0;
  for (const [scheme, credential] of Object.entries(schemes)) {
    for (const path of scheme === 'bearer' ? [...paths, ...onlyBearer] : paths) {
      const first = await ask(`/api/v1${path}`, credential(owner));
      assert.equal(first.status, 200, `${scheme} ${path}`);
      const again = await ask(`/api/v1${path}`, credential(owner));
      const foreign = await ask(`/api/v1${path}`, credential(other));
      const nobody = await ask(`/api/v1${path}`, {});
      assert.deepEqual(
        [first, again, foreign, nobody].map(({ cached }) => cached),
        ['MISS', 'MISS', 'MISS', 'MISS'],
        `${scheme} ${path}`,
      );
      assert.equal(nobody.status, 401);
      assert.equal(foreign.status, path.includes(id) ? 404 : 200);
      assert.ok(!foreign.text.includes(owner.id) && !foreign.text.includes('first account'), `${scheme} ${path}`);
      asked += 1;
    }
  }
  const asset = /"(\/docs\/assets\/[^"]+)"/.exec((await ask('/docs/', {})).text)?.[1] ?? '';
  const kept = [await ask(asset, schemes.key(owner)), await ask(asset, {})];
  assert.deepEqual(
    kept.map(({ status, cached }) => [status, cached]),
    [
      [200, 'MISS'],
      [200, 'HIT'],
    ],
  );
  assert.equal(asked, paths.length * 2 + onlyBearer.length);
});
