import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AppError } from '../app-error.ts';
import { boundaryOf, type FormPart, readParts } from './multipart.ts';

const boundary = 'xYz';

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let offset = 0, index = 0; offset < bytes.length; index++) {
    const size = Math.max(1, sizes[index % sizes.length] ?? bytes.length);
    yield bytes.subarray(offset, offset + size);
    offset += size;
  }
}

async function readAll(parts: AsyncIterable<FormPart>): Promise<void> {
  for await (const part of parts) await Array.fromAsync(part.bytes);
}

async function parse(body: Buffer | string, sizes: readonly number[] = [1 << 20]) {
  const parts: { name: string; filename: string | null; contentType: string | undefined; bytes: Buffer }[] = [];
  for await (const part of readParts(inPieces(Buffer.from(body), sizes), boundary)) {
    parts.push({ ...part, bytes: Buffer.concat(await Array.fromAsync(part.bytes)) });
  }
  return parts;
}

const form = (...parts: (string | Buffer)[]): Buffer =>
  Buffer.concat([
    ...parts.flatMap((part) => [Buffer.from(`--${boundary}\r\n`), Buffer.from(part), Buffer.from('\r\n')]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);

test('any bytes in any pieces come out as they went in', async () => {
  // Bytes that look like boundaries and line breaks are the ones that break parsers.
  const nasty = fc.constantFrom(
    '\r\n',
    '--',
    `--${boundary}`,
    `\r\n--${boundary.slice(0, 2)}`,
    '\r\n-',
    '\n',
    'x',
    '\0',
  );
  const content = fc
    .array(fc.oneof(nasty, fc.uint8Array({ maxLength: 20 })), { maxLength: 30 })
    .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part as string))))
    .filter((bytes) => !Buffer.concat([Buffer.from('\r\n'), bytes, Buffer.from('\r\n')]).includes(`\r\n--${boundary}`));
  await fc.assert(
    fc.asyncProperty(
      fc.array(content, { maxLength: 3 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      async (contents, sizes) => {
        const body = form(
          ...contents.map((bytes, index) =>
            Buffer.concat([
              Buffer.from(`Content-Disposition: form-data; name="p${index}"; filename="f"\r\n\r\n`),
              bytes,
            ]),
          ),
        );
        const parts = await parse(body, sizes);
        assert.deepEqual(
          parts.map((part) => part.bytes),
          contents,
        );
        assert.deepEqual(
          parts.map((part) => part.name),
          contents.map((_, index) => `p${index}`),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('part headers are read as browsers, curl and Python write them', async () => {
  const head = async (headers: string) => {
    const [part] = await parse(form(`${headers}\r\n\r\nx`));
    return [part?.name, part?.filename, part?.contentType];
  };
  assert.deepEqual(await head('Content-Disposition: form-data; name="title"'), ['title', null, undefined]);
  assert.deepEqual(
    await head('content-disposition: form-data; name=file; filename=a.txt\r\ncontent-type: text/plain; charset=utf-8'),
    ['file', 'a.txt', 'text/plain; charset=utf-8'],
  );
  assert.deepEqual(await head('Content-Disposition: form-data; name="file"; filename="日本 %22q%22.txt"'), [
    'file',
    '日本 "q".txt',
    undefined,
  ]);
  assert.deepEqual(
    await head(`Content-Disposition: form-data; name="file"; filename="x"; filename*=UTF-8''%E6%97%A5.txt`),
    ['file', '日.txt', undefined],
  );
  assert.deepEqual(await head('Content-Disposition: form-data; name="file"; filename=""'), ['file', '', undefined]);
});

test('preamble, epilogue and padding are passed over', async () => {
  const body = `ignored\r\n--${boundary} \t\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--${boundary}--\r\nignored`;
  assert.deepEqual(
    (await parse(body, [1])).map((part) => String(part.bytes)),
    ['1'],
  );
  assert.deepEqual(await parse(`--${boundary}--`), []);
});

test('a body that is cut off or malformed anywhere is refused, never taken for a shorter one', async () => {
  const whole = form(
    'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\nsome bytes',
    'Content-Disposition: form-data; name="title"\r\n\r\nT',
  );
  const end = whole.lastIndexOf('--') + 2;
  for (let length = 0; length < end; length++) {
    await assert.rejects(
      parse(whole.subarray(0, length)),
      { name: 'AppError', code: 'invalid_request' },
      `cut at ${length}`,
    );
  }
  const bad = [
    form('\r\nno headers'),
    form('Content-Type: text/plain\r\n\r\nno name'),
    form('Content-Disposition: attachment; name="a"\r\n\r\nx'),
    form('Content-Disposition: form-data; filename="a"\r\n\r\nx'),
    form('Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="b"\r\n\r\nx'),
    form('Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\nx'),
    form('not a header\r\nContent-Disposition: form-data; name="a"\r\n\r\nx'),
    form(`X: ${'y'.repeat(20_000)}\r\nContent-Disposition: form-data; name="a"\r\n\r\nx`),
    `--${boundary}x\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--${boundary}--`,
  ];
  for (const body of bad) await assert.rejects(parse(body), AppError, String(body).slice(0, 80));
});

test('the stream is let go of when reading ends, however it ends', async () => {
  const twoParts = form(
    'Content-Disposition: form-data; name="a"\r\n\r\nsome bytes',
    'Content-Disposition: form-data; name="b"\r\n\r\nmore bytes',
  );
  const readers: [how: string, read: (parts: AsyncIterable<FormPart>) => Promise<unknown>, fault: RegExp | null][] = [
    ['to its end', (parts) => readAll(parts), null],
    [
      'up to the second part',
      async (parts) => {
        for await (const part of parts) {
          await Array.fromAsync(part.bytes);
          break;
        }
      },
      null,
    ],
    [
      'until the reader throws before a part',
      async (parts) => {
        for await (const _ of parts) throw new Error('refused');
      },
      /^refused$/,
    ],
    [
      'until the reader throws inside a part',
      async (parts) => {
        for await (const { bytes } of parts) for await (const _ of bytes) throw new Error('refused');
      },
      /^refused$/,
    ],
    ['but for its parts', (parts) => Array.fromAsync(parts), /was not read to its end/],
  ];
  const malformed = form('Content-Type: text/plain\r\n\r\nno name', 'x');
  for (const [body, how, read, fault] of [
    ...readers.map((each) => [twoParts, ...each] as const),
    [malformed, 'until it is malformed', readAll, /malformed/] as const,
  ]) {
    let held = true;
    async function* source(): AsyncGenerator<Buffer> {
      try {
        yield* inPieces(body, [7]);
      } finally {
        held = false;
      }
    }
    const reading = read(readParts(source(), boundary));
    if (fault) await assert.rejects(reading, { message: fault }, how);
    else await reading;
    assert.equal(held, false, `read ${how}`);
  }
});

test('a boundary is the one that the content type names', () => {
  assert.equal(boundaryOf('multipart/form-data; boundary=abc'), 'abc');
  assert.equal(boundaryOf('multipart/form-data; charset=utf-8; Boundary="a b:c"'), 'a b:c');
  for (const type of [
    'multipart/form-data',
    'multipart/form-data; boundary=',
    `multipart/form-data; boundary=${'a'.repeat(71)}`,
    'multipart/form-data; boundary="a "',
  ]) {
    assert.equal(boundaryOf(type), null, type);
  }
});
