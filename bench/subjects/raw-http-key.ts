// node:http alone, with what an answer from the database cannot do without: one look-up of the key, the list, its JSON and
// the log line, each in the cheapest way known here. No framework, no check, no limit: about the least that one can cost.
import { hash } from 'node:crypto';
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { isoTime } from '../../server/src/clock.ts';
import { log, requestLine, settings } from './listening.ts';

type Columns = [string, string, string, string, number, string, number, number];

const file = new DatabaseSync(settings.databasePath, { timeout: 5_000 });
file.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
const ownerOfKey = file.prepare(`
  SELECT accounts.id FROM api_keys JOIN accounts ON accounts.id = api_keys.account_id
  WHERE api_keys.hash = ? AND accounts.disabled_at IS NULL
`);
// To a bare LIMIT ?, SQLite would plan the statement anew each time.
const newest = file.prepare(`
  SELECT id, title, filename, content_type, size, sha256, created_at, updated_at FROM documents
  WHERE account_id = ? ORDER BY created_at DESC, id DESC LIMIT ? + 0
`);
for (const statement of [ownerOfKey, newest]) statement.setReturnArrays(true);

createServer((request, response) => {
  const startedMs = performance.now();
  const key = String(request.headers['x-api-key']);
  const [accountId = ''] = (ownerOfKey.get(hash('sha256', key, 'hex')) ?? []) as unknown as string[];
  const items = (newest.all(accountId, 21) as unknown as Columns[]).map(toAnswer);
  const body = JSON.stringify({ items, next_cursor: null });
  const headers = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(body) };
  response.writeHead(200, headers).end(body);
  const milliseconds = performance.now() - startedMs;
  const answer = { route: '/api/v1/documents/', status: 200, milliseconds, accountId, scheme: 'api_key' };
  log.info(requestLine(request, answer), 'request');
}).listen(settings.port, settings.host);

function toAnswer([id, title, filename, content_type, size, sha256, createdAt, updatedAt]: Columns) {
  const [created_at, updated_at] = [isoTime(createdAt), isoTime(updatedAt)];
  return { id, title, filename, content_type, size, sha256, created_at, updated_at };
}
