import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, bootServer, goodPassword } from './boot.ts';

// PostgreSQL's text cannot hold U+0000, SQLite's can: what is asked with one must be answered alike, and never 500.
test('a null character is answered for what it is in every text that a caller can send', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key, accessToken: bearer, apiKeyId } = await server.register();
  const [null0, email] = ['a\u0000b', 'a\u0000b@example.com'];
  const credential = { password: goodPassword };
  const form = new FormData();
  form.set('file', new Blob(['text']), null0);
  const asked: Record<string, [number, Promise<Answer>]> = {
    'e-mail to sign in': [401, server.call('POST', '/auth/login', { json: { email, ...credential } })],
    'e-mail to register': [422, server.call('POST', '/auth/register', { json: { email, ...credential } })],
    'e-mail of a forgotten password': [422, server.call('POST', '/auth/password/forgot', { json: { email } })],
    'e-mail to have mailed again': [422, server.call('POST', '/auth/email/verify/resend', { json: { email } })],
    'e-mail to change to': [422, server.call('POST', '/auth/email', { bearer, json: { email } })],
    'mailed token': [400, server.call('POST', '/auth/email/verify', { json: { token: null0 } })],
    'reset token': [
      400,
      server.call('POST', '/auth/password/reset', { json: { token: null0, new_password: goodPassword } }),
    ],
    'reason of a rotation': [
      422,
      server.call('POST', `/api-keys/${apiKeyId}/rotate`, { bearer, json: { reason: null0 } }),
    ],
    'name of a key': [422, server.call('PATCH', `/api-keys/${apiKeyId}`, { bearer, json: { name: null0 } })],
    title: [422, server.call('POST', '/documents/', { key, json: { title: null0, content: 'text' } })],
    'content type': [
      422,
      server.call('POST', '/documents/', { key, json: { title: 'x', content: 'x', content_type: null0 } }),
    ],
    search: [422, server.call('GET', '/documents/?q=a%00b', { key })],
    cursor: [422, server.call('GET', '/documents/?cursor=%00', { key })],
    'kind of events': [422, server.call('GET', '/events/?kind=%00', { bearer })],
    'id in a path': [404, server.call('GET', '/documents/doc_%00', { key })],
  };
  for (const [what, [status, answer]] of Object.entries(asked)) assert.equal((await answer).status, status, what);
  const content = await server.call('POST', '/documents/', { key, json: { title: 'bytes', content: null0 } });
  assert.equal(content.status, 201, 'bytes are no text');
  assert.equal((await server.call('GET', `/documents/${content.json.id}/content`, { key })).bytes.toString(), null0);
  assert.ok([201, 422].includes((await server.call('POST', '/documents/', { key, body: form })).status), 'filename');
});
