import fc from 'fast-check';

const follow = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

export interface RawCase {
  name: string;
  bytes: Buffer;
  /** Refused: one 4xx, and what follows on the connection is not answered. Otherwise each request has one answer. */
  refused: boolean;
  /** What the first answer must be. */
  first?: number;
  /** The sender stops in the middle. */
  cut?: boolean;
}

/** Requests that no client library would send. `follow` is behind each of them, as a smuggler would have it. */
export const rawCase: fc.Arbitrary<RawCase> = (() => {
  const login = 'POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n';
  const get = 'GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n';
  const text = (name: string, refused: boolean, content: string): RawCase => ({
    name,
    refused,
    bytes: Buffer.from(content + follow, 'latin1'),
  });
  const chunked = '2\r\n{}\r\n0\r\n\r\n';
  const filler = fc.stringMatching(/^[a-z]{1,8}$/);

  return fc.oneof(
    fc
      .tuple(
        fc.constantFrom('chunked', 'Chunked', 'chunked, chunked', 'gzip, chunked', 'identity'),
        fc.nat(60),
        fc.boolean(),
      )
      .map(([coding, length, first]) => {
        const lines = [`Content-Length: ${length}`, `Transfer-Encoding: ${coding}`];
        return text('CL+TE', true, `${login}${(first ? lines : lines.reverse()).join('\r\n')}\r\n\r\n${chunked}`);
      }),
    fc
      .tuple(fc.nat(50), fc.nat(50), fc.constantFrom('Content-Length', 'content-length'))
      .map(([a, b, name]) => text('two CL', true, `${login}Content-Length: ${a}\r\n${name}: ${b}\r\n\r\n{}`)),
    fc
      .constantFrom('1, 1', '+2', '-2', '0x2', '2 2', '1e1', '2;', 'two', '99999999999999999999', '\x0b2', '')
      .map((length) => text('odd CL', true, `${login}Content-Length: ${length}\r\n\r\n{}`)),
    fc
      .constantFrom('xchunked', 'chunked-x', '"chunked"', 'chunked\x0b', 'chunk', 'identity, x', 'chunked, gzip')
      .map((coding) => text('odd TE', true, `${login}Transfer-Encoding: ${coding}\r\n\r\n${chunked}`)),
    fc
      .constantFrom(
        'X-A: b\r\n c',
        'X-A: b\r\n\tX-API-Key: x',
        'Content-Length:\r\n 2',
        'Transfer-Encoding:\r\n chunked',
      )
      .map((line) => text('obs-fold', true, `${get}${line}\r\n\r\n`)),
    fc
      .tuple(filler, fc.constantFrom('\n', '\r', '\n\n', '\r\r\n', '\n\r\n'))
      .map(([value, end]) => text('bare line ends', true, `${get}X-A: ${value}${end}X-B: c\r\n\r\n`)),
    fc
      .constantFrom('2;a=b', '2;a="b"', '02', '002', '2;')
      .map((size) =>
        text(
          'chunk extension',
          false,
          `${login}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\n{}\r\n0\r\n\r\n`,
        ),
      ),
    fc
      .constantFrom('G', '-2', '0x2', '2 ', ' 2', '2\n', 'FFFFFFFFFFFFFFFFF', `2;${'a'.repeat(20_000)}`, '2;a\nb', '')
      .map((size) => text('bad chunk', true, `${login}Transfer-Encoding: chunked\r\n\r\n${size}\r\n{}\r\n0\r\n\r\n`)),
    fc
      .constantFrom(
        'Content-Length: 5',
        'Authorization: Bearer x',
        'X-API-Key: x',
        'Transfer-Encoding: chunked',
        '__proto__: x',
      )
      .map((trailer) =>
        text(
          'trailer',
          false,
          `${login}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n${trailer}\r\n\r\n`,
        ),
      ),
    fc
      .integer({ min: 16_500, max: 90_000 })
      .map((length) => text('huge header', true, `${get}X-A: ${'a'.repeat(length)}\r\n\r\n`)),
    fc
      .integer({ min: 16_500, max: 90_000 })
      .map((length) => text('huge target', true, `GET /${'a'.repeat(length)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)),
    fc
      .tuple(
        fc.integer({ min: 2_001, max: 3_000 }),
        fc.constantFrom(
          'X-API-Key:x\r\nX-API-Key:x',
          'Authorization:\r\nAuthorization:',
          'Host:x',
          'X-API-Key:x',
          'Cookie:a=b',
        ),
      )
      .map(([count, last]) => ({
        ...text('many headers', false, `${get}${'a:b\r\n'.repeat(count)}${last}\r\n\r\n`),
        first: /^(X-API-Key:x|Cookie:a=b)$/.test(last) ? 401 : 400,
      })),
    fc
      .constantFrom('', 'Host: a\r\nHost: b', 'Host: a\r\nHost: a')
      .map((host) =>
        text('no one Host', true, `GET /healthz HTTP/1.1\r\n${host}${host && '\r\n'}Connection: close\r\n\r\n`),
      ),
    fc
      .constantFrom(
        'http://evil.example/healthz',
        'http://evil.example',
        'https://a:b@localhost/api/v1/me',
        '//evil.example/x',
        '/\\evil',
        '*',
        'healthz',
        '?',
        '/healthz#x',
        '/%',
        '/api/v1/../../healthz',
        'file:///etc/passwd',
        '::',
        'localhost:80',
      )
      .map((target) => text('odd target', false, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`)),
    fc
      .constantFrom('\0', '\x01', '\x7f', '\x1b[31m')
      .map((character) => text('control character in a header', true, `${get}X-A: a${character}b\r\n\r\n`)),
    fc
      .constantFrom(
        'GET /a\0b HTTP/1.1',
        'GET / a HTTP/1.1',
        'G\0T / HTTP/1.1',
        'GET / HTTP/1.1 ',
        'GET /\tHTTP/1.1',
        'GET',
        ' GET / HTTP/1.1',
        'GET / HTTP/2.0',
        'GET / HTTP/0.9',
        'GET / HTTP/9.9',
        'GET / HTTP/1.2',
        'GET / http/1.1',
        'GET / FTP/1.1',
        'GET / HTTP/',
        'GET /',
        'FOO / HTTP/1.1',
        'get / HTTP/1.1',
        'PRI * HTTP/2.0\r\n\r\nSM',
        '\x16\x03\x01\x02\x00\x01\x00',
      )
      .map((line) => text('odd request line', true, `${line}\r\nHost: localhost\r\n\r\n`)),
    fc
      .constantFrom('X-A : b', 'X A: b', ': b', 'X-A', '\xffX: b', 'X-A\0: b', '(X): b', 'X-A: b\r\n: c')
      .map((line) => text('odd header', true, `${get}${line}\r\n\r\n`)),
    fc
      .constantFrom(
        'Expect: 100-continue',
        'Expect: junk',
        'Expect: 100-continue\r\nExpect: x',
        'Upgrade: websocket\r\nConnection: Upgrade',
        'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk',
        'X-HTTP-Method-Override: TRACE',
        '__proto__: x',
        'constructor: x',
        'Max-Forwards: 0',
        'Connection: X-API-Key, close, keep-alive',
        'Keep-Alive: timeout=99999999999',
      )
      .map((line) =>
        text(
          'odd header, well formed',
          false,
          `${login}${line}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
        ),
      ),
    fc
      .constantFrom(
        'CONNECT localhost:80',
        'CONNECT /',
        'TRACE /healthz',
        'OPTIONS *',
        'PROPFIND /api/v1/me',
        'SOURCE /',
        'QUERY /healthz',
      )
      .map((line) => text('odd method', false, `${line} HTTP/1.1\r\nHost: localhost\r\n\r\n`)),
    fc
      .tuple(
        fc.nat(200),
        fc.constantFrom(
          `${login}Content-Type: application/json\r\nContent-Length: 400\r\n\r\n{"a":`,
          `${login}Transfer-Encoding: chunked\r\n\r\nff\r\n{`,
          get,
        ),
      )
      .map(([at, content]) => ({
        name: 'cut',
        refused: false,
        cut: true,
        bytes: Buffer.from(content.slice(0, at + 1)),
      })),
    fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => ({
      name: 'any bytes',
      refused: false,
      cut: true,
      bytes: Buffer.from(bytes),
    })),
  );
})();
