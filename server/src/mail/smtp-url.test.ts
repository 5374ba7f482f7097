import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readConfig } from '../config/config.ts';
import { parseSender, parseSmtpUrl } from './smtp-url.ts';

test('a mail server is read from its URL, with the usual ports and percent-encoded credentials', () => {
  assert.deepEqual(parseSmtpUrl('smtp://mail.example.com'), {
    host: 'mail.example.com',
    port: 587,
    secure: false,
    login: null,
  });
  assert.deepEqual(parseSmtpUrl('smtps://ada%40example.com:p%2Fw@mail.example.com'), {
    host: 'mail.example.com',
    port: 465,
    secure: true,
    login: { user: 'ada@example.com', password: 'p/w' },
  });
  assert.deepEqual(parseSmtpUrl('smtp://[::1]:2525/'), { host: '::1', port: 2525, secure: false, login: null });
});

test('a faulty mail server URL is refused without a word of it', () => {
  for (const url of [
    'canary-secret',
    'http://u:canary-secret@mail.example.com',
    'smtp://u:canary-secret@mail.example.com/?logger=true',
    'smtp://u:canary-secret@mail.example.com#x',
    'smtp://u:canary-secret%zz@mail.example.com',
    'smtp://u:canary-secret@',
  ]) {
    assert.throws(
      () => readConfig({ INKSONG_SMTP_URL: url, INKSONG_MAIL_FROM: 'a@example.com' }),
      ({ message }: Error) => /^INKSONG_SMTP_URL /.test(message) && !/canary/.test(message),
      url,
    );
  }
});

test('a mail server without a sender refuses to boot, and a sender is an address with or without a name', () => {
  assert.throws(() => readConfig({ INKSONG_SMTP_URL: 'smtp://mail.example.com' }), /INKSONG_MAIL_FROM must be set/);
  assert.deepEqual(parseSender('Ink & Song <ink@example.com>'), { name: 'Ink & Song', address: 'ink@example.com' });
  assert.deepEqual(parseSender('"Ink, Song" <ink@example.com>'), { name: 'Ink, Song', address: 'ink@example.com' });
  assert.deepEqual(parseSender('ink@example.com'), { name: '', address: 'ink@example.com' });
  for (const sender of [
    'Inksong',
    'a@b@c',
    'Ink <a@example.com>\r\nBcc: b@example.com',
    'a@example.com, b@example.com',
  ]) {
    assert.throws(() => parseSender(sender), sender);
  }
});
