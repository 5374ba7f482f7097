import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { parse as parseDisposition } from 'content-disposition';
import { bootServer } from './boot.ts';
import { createText, fileForm } from './documents-upload.ts';

const samples: [name: string, type: string, bytes: Buffer<ArrayBuffer>][] = [
  [
    'report.pdf',
    'application/pdf',
    Buffer.concat([Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', 'latin1'), randomBytes(700_000)]),
  ],
  [
    'letter.docx',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    Buffer.concat([Buffer.from('PK\x03\x04'), randomBytes(3 * 262_144 - 4)]),
  ],
  ['notes.md', 'text/markdown', Buffer.from('# Tinte\r\n\r\n--boundary\r\n')],
  ['plain.txt', 'text/plain; charset=utf-8', Buffer.from('ünï 日本 🦑')],
  ['empty', 'application/octet-stream', Buffer.alloc(0)],
  ['largest.bin', 'application/octet-stream', randomBytes(25 * 1024 * 1024)],
];

test('every document comes back byte for byte, however it was sent', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key, accessToken: bearer } = await server.register();
  for (const [name, type, bytes] of samples) {
    const created = await server.call('POST', '/documents/', {
      key,
      body: fileForm(bytes, { name, type, title: name }),
    });
    assert.equal(created.status, 201, String(created.bytes));
    const sha256 = hash('sha256', bytes, 'hex');
    const { id } = created.json;
    const expected = { title: name, filename: name, size: bytes.length, sha256 };
    assert.deepEqual({ ...created.json, ...expected }, created.json);
    assert.equal(created.headers.get('etag'), `"${sha256}"`);
    assert.equal(created.headers.get('location'), `/api/v1/documents/${id}`);
    assert.deepEqual((await server.call('GET', `/documents/${id}`, { bearer })).json, created.json);

    const got = await server.call('GET', `/documents/${id}/content`, { bearer });
    assert.equal(got.status, 200);
    assert.ok(got.bytes.equals(bytes), `${name} by multipart`);
    assert.equal(got.headers.get('content-type')?.replaceAll(' ', ''), type.replaceAll(' ', ''));
    assert.equal(got.headers.get('content-length'), String(bytes.length));
    assert.equal(got.headers.get('x-content-type-options'), 'nosniff');
    assert.match(got.headers.get('content-security-policy') ?? '', /^sandbox; default-src 'none'; /);
    assert.match(got.headers.get('content-disposition') ?? '', /^attachment;/);

    const other = await createText(server, key, 'to be replaced', 'x');
    const put = await server.call('PUT', `/documents/${other.id}/content`, {
      bearer,
      body: bytes,
      headers: { 'content-type': type },
    });
    assert.equal(put.status, 200, String(put.bytes));
    assert.equal(put.headers.get('etag'), `"${sha256}"`);
    assert.deepEqual(
      { title: put.json.title, sha256: put.json.sha256, type: put.json.content_type },
      { title: 'to be replaced', sha256, type },
    );
    assert.ok(
      (await server.call('GET', `/documents/${other.id}/content`, { key })).bytes.equals(bytes),
      `${name} by PUT`,
    );
  }
});

test('text sent as JSON comes back as its UTF-8 bytes, also empty', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  for (const [content, type] of [
    ['ünï\r\n🦑', 'text/markdown'],
    ['', undefined],
  ] as const) {
    const created = await server.call('POST', '/documents/', {
      key,
      json: { title: 'A/B', content, ...(type && { content_type: type }) },
    });
    assert.equal(created.status, 201, String(created.bytes));
    assert.deepEqual([created.json.filename, created.json.content_type], ['A-B', type ?? 'text/plain; charset=utf-8']);
    const got = await server.call('GET', `/documents/${created.json.id}/content`, { key });
    assert.equal(got.bytes.toString(), content);
  }
});

test('PUT keeps any body as it is: a form, JSON, an unreadable type, none', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const { id } = await createText(server, key, 'doc');
  const put = (body: string, type?: string) =>
    server.call('PUT', `/documents/${id}/content`, {
      key,
      body: Buffer.from(body),
      headers: type === undefined ? {} : { 'content-type': type },
    });
  const table: [sent: string | undefined, kept: string][] = [
    ['multipart/form-data; boundary=x', 'multipart/form-data; boundary=x'],
    ['application/json', 'application/json'],
    ['no type at all', 'application/octet-stream'],
    ['text/html; charset', 'application/octet-stream'],
    [undefined, 'application/octet-stream'],
  ];
  for (const [sent, kept] of table) {
    const answer = await put('--x not a form, not {JSON', sent);
    assert.equal(answer.status, 200, `${sent} ${answer.bytes}`);
    assert.equal(answer.json.content_type, kept);
    assert.equal(answer.json.sha256, hash('sha256', '--x not a form, not {JSON', 'hex'));
  }
  const empty = await server.call('PUT', `/documents/${id}/content`, { key });
  assert.deepEqual([empty.status, empty.json.size], [200, 0]);
  const partial = await server.call('PUT', `/documents/${id}/content`, {
    key,
    body: 'x',
    headers: { 'content-range': 'bytes 0-0/9' },
  });
  assert.equal(partial.status, 400);
});

test('hostile and foreign file names are kept as data and survive the download header', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const table: [said: string, kept: string][] = [
    ['../../../etc/passwd', 'passwd'],
    ['..\\..\\boot.ini', 'boot.ini'],
    ['naïve "日本" 🦑.txt', 'naïve "日本" 🦑.txt'],
    ["it's 100%25; filename=x.txt", "it's 100%25; filename=x.txt"],
    ['a\r\nX-Evil: 1', 'aX-Evil: 1'],
    ['..', 'untitled'],
    ['é'.repeat(400), 'é'.repeat(255)],
  ];
  for (const [said, kept] of table) {
    const created = await server.call('POST', '/documents/', { key, body: fileForm(Buffer.from('x'), { name: said }) });
    assert.equal(created.status, 201, `${said} ${created.bytes}`);
    assert.equal(created.json.filename, kept);
    assert.equal(created.json.title, Array.from(kept).slice(0, 200).join(''));
    const got = await server.call('GET', `/documents/${created.json.id}/content`, { key });
    assert.equal(got.headers.get('x-evil'), null);
    assert.equal(parseDisposition(got.headers.get('content-disposition') ?? '').parameters.filename, kept);
  }
});

test('a form takes exactly one file and at most one title, in either order, and nothing else', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const key = account.apiKey;
  const form = (...fields: [name: string, value: string | Blob][]) => {
    const data = new FormData();
    for (const [name, value] of fields) {
      if (typeof value === 'string') data.append(name, value);
      else data.append(name, value, 'f.txt');
    }
    return data;
  };
  const file = new Blob(['bytes']);
  for (const body of [
    form(['file', file]),
    form(['title', 'T'], ['file', file]),
    form(['file', file], ['title', 'T']),
  ]) {
    const answer = await server.call('POST', '/documents/', { key, body });
    assert.equal(answer.status, 201, String(answer.bytes));
    assert.equal(answer.json.title, body.has('title') ? 'T' : 'f.txt');
  }
  const refused = [
    form(),
    form(['title', 'T']),
    form(['file', 'a plain field']),
    form(['file', file], ['file', file]),
    form(['file', file], ['title', 'T'], ['title', 'T']),
    form(['file', file], ['titel', 'T']),
    form(['other', file]),
    form(['file', file], ['title', '']),
    form(['file', file], ['title', 'a\nb']),
    form(['file', file], ['title', 'x'.repeat(201)]),
    form(['file', file], ['title', 'x'.repeat(5_000)]),
  ];
  for (const body of refused) {
    const answer = await server.call('POST', '/documents/', { key, body });
    assert.equal(answer.status, 422, String(answer.bytes));
    assert.equal(answer.json.code, 'validation_failed');
  }
  const cut = await server.call('POST', '/documents/', {
    key,
    body: '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\ncut',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
  });
  assert.equal(cut.status, 400);
  const nameless = await server.call('POST', '/documents/', {
    key,
    body: 'x',
    headers: { 'content-type': 'multipart/form-data' },
  });
  assert.equal(nameless.status, 400);
  assert.equal(
    (await server.call('POST', '/documents/', { key, body: 'x', headers: { 'content-type': 'text/csv' } })).status,
    415,
  );
  assert.equal((await server.call('POST', '/documents/', { key })).status, 415);
  assert.equal((await server.call('GET', '/documents/', { key })).json.items.length, 3, 'nothing refused was kept');
});

test('titles of JSON bodies follow the same rules, and half a surrogate pair is refused rather than replaced', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const { id } = await createText(server, key, '🦑'.repeat(200));
  const bad = ['', 'x'.repeat(201), 'a\u0000b', 'a\u0085b', '\ud800'];
  for (const title of bad) {
    assert.equal((await server.call('POST', '/documents/', { key, json: { title, content: 'x' } })).status, 422, title);
    assert.equal((await server.call('PATCH', `/documents/${id}`, { key, json: { title } })).status, 422, title);
  }
  for (const json of [
    { title: 'T' },
    { content: 'x' },
    { title: 'T', content: 'x', owner: 'me' },
    { title: 'T', content: '\ud800' },
    { title: 'T', content: 'x', content_type: 'no' },
  ]) {
    assert.equal((await server.call('POST', '/documents/', { key, json })).status, 422, JSON.stringify(json));
  }
  const renamed = await server.call('PATCH', `/documents/${id}`, { key, json: { title: 'New' } });
  assert.deepEqual([renamed.status, renamed.json.title], [200, 'New']);
  assert.equal((await server.call('GET', `/documents/${id}`, { key })).json.title, 'New');
});

test('another account’s document is not there: answers equal those for an unknown and a malformed id, byte for byte', async (t) => {
  const server = await bootServer(t);
  const owner = await server.register();
  const stranger = await server.register();
  const theirs = await createText(server, owner.apiKey, 'secret plan');
  const ids = [theirs.id, `doc_${'0'.repeat(32)}`, 'doc_x', '..%2f..%2fetc', 'DOC_'.concat(theirs.id.slice(4))];
  const calls: [
    method: string,
    tail: string,
    options: { json?: unknown; body?: string; headers?: Record<string, string> },
  ][] = [
    ['GET', '', {}],
    ['PATCH', '', { json: { title: 'mine' } }],
    ['DELETE', '', {}],
    ['GET', '/content', {}],
    ['GET', '/content', { headers: { range: 'bytes=99999-', 'if-none-match': '*' } }],
    ['PUT', '/content', { body: 'mine' }],
    ['PUT', '/content', { body: 'mine', headers: { 'if-match': '"no"' } }],
    ['HEAD', '/content', {}],
  ];
  for (const [method, tail, options] of calls) {
    const answers = [];
    for (const id of ids) {
      const answer = await server.call(method, `/documents/${id}${tail}`, { key: stranger.apiKey, ...options });
      assert.equal(answer.status, 404, `${method} ${tail} ${id}`);
      const headers = [...answer.headers].filter(([name]) => name !== 'x-request-id' && name !== 'date');
      answers.push(`${answer.bytes.toString().replace(/req_\w+/, '')} ${JSON.stringify(headers)}`);
    }
    assert.equal(new Set(answers).size, 1, `${method} ${tail}: ${answers.join('\n')}`);
  }
  assert.deepEqual((await server.call('GET', '/documents/', { key: stranger.apiKey })).json.items, []);
  assert.equal(
    (await server.call('GET', `/documents/${theirs.id}/content`, { key: owner.apiKey })).bytes.toString(),
    'secret plan',
  );
});

test('a deleted document is gone', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const { id } = await createText(server, key, 'doc');
  assert.equal(
    (await server.call('DELETE', `/documents/${id}`, { key, headers: { 'if-match': '"other"' } })).status,
    412,
  );
  assert.equal((await server.call('DELETE', `/documents/${id}`, { key })).status, 204);
  for (const path of [`/documents/${id}`, `/documents/${id}/content`])
    assert.equal((await server.call('GET', path, { key })).status, 404);
  assert.equal((await server.call('DELETE', `/documents/${id}`, { key })).status, 404);
  assert.deepEqual((await server.call('GET', '/documents/', { key })).json, { items: [], next_cursor: null });
});
