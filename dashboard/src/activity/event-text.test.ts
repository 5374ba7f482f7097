import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccountEvent, EventKind } from '@inksong/client';
import { deviceText } from './device-text.ts';
import { eventText, kindLabels } from './event-text.ts';

function eventOf(kind: EventKind, changes: Partial<AccountEvent> = {}): AccountEvent {
  const at = '2026-01-31T12:00:00.000Z';
  const nobody = { address: null, user_agent: null, session_id: 'ses_1', api_key_id: null };
  return { id: 'evt_1', kind, at, last_at: at, count: 1, details: {}, ...nobody, ...changes };
}

test('every kind is told in a sentence of its own, and has a name of its own to filter by', () => {
  const all = kindLabels.map(({ kind }) => kind);
  assert.ok(all.length >= 24);
  const sentences = all.map((kind) => eventText(eventOf(kind)).sentence);
  for (const sentence of sentences) assert.match(sentence, /^[A-Z][^_]{8,}[^.]$/);
  assert.equal(new Set(sentences).size, all.length);
  assert.equal(new Set(kindLabels.map(({ label }) => label)).size, all.length);
});

test('what was refused is told as refused, with how often', () => {
  const gathered = [
    'sign_in_failed',
    'reauthentication_failed',
    'key_in_browser',
    'address_refused',
    'limit_reached',
  ] as const;
  for (const kind of gathered) {
    assert.equal(eventText(eventOf(kind)).result, 'refused');
    assert.match(eventText(eventOf(kind, { count: 5 })).sentence, /, 5 times$/);
  }
});

test('a rotation tells its reason, and what an operator did is not told as yours', () => {
  const { sentence, more } = eventText(eventOf('api_key_rotated', { details: { reason: 'pasted into a chat' } }));
  assert.deepEqual([sentence, more], ['You rotated the API key', 'Reason: pasted into a chat']);
  for (const kind of ['api_key_rotated', 'api_key_renamed', 'allowlist_changed'] as const) {
    assert.match(eventText(eventOf(kind, { session_id: null })).sentence, /^An operator /);
  }
});

test('a kind from a newer server is told by its name', () => {
  assert.equal(eventText(eventOf('moon_landed' as EventKind)).sentence, 'Moon landed');
});

test('a device is named by browser and system, and a program by its own name', () => {
  const mozilla = 'Mozilla/5.0';
  const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)';
  const expected: [string, string][] = [
    [`${mozilla} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0`, 'Firefox on Linux'],
    [`${mozilla} (Windows NT 10.0; Win64; x64) ${webkit} Chrome/140.0.0.0 Safari/537.36 Edg/140.0`, 'Edge on Windows'],
    [`${mozilla} (Linux; Android 15) ${webkit} Chrome/140.0.0.0 Mobile Safari/537.36`, 'Chrome on Android'],
    [`${mozilla} (Macintosh; Intel Mac OS X 10_15_7) ${webkit} Version/18.0 Safari/605.1.15`, 'Safari on macOS'],
    ['curl/8.14.1', 'curl/8.14.1'],
    ['python-requests/2.32.3', 'python-requests/2.32.3'],
    ['', 'Unknown device'],
  ];
  for (const [userAgent, name] of expected) assert.equal(deviceText(userAgent), name);
});
