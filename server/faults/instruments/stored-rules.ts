import { createHash } from 'node:crypto';
import type { DatabaseReader } from './installation.ts';

/** What must never come back, whatever was cut off: each query returns the rows that break the rule. */
const rules: Record<string, string> = {
  'an account without exactly one key': `
    SELECT a.id FROM accounts a LEFT JOIN api_keys k ON k.account_id = a.id GROUP BY a.id HAVING count(k.id) <> 1`,
  'an account without exactly one storage count': `
    SELECT a.id FROM accounts a LEFT JOIN storage_usage u ON u.account_id = a.id GROUP BY a.id HAVING count(u.account_id) <> 1`,
  'a session without exactly one unused refresh token': `
    SELECT s.id FROM sessions s LEFT JOIN refresh_tokens t ON t.session_id = s.id AND t.used_at IS NULL
    GROUP BY s.id HAVING count(t.hash) <> 1`,
  'a document without all its bytes': `
    SELECT d.id FROM documents d LEFT JOIN content_versions v ON v.id = d.version_id
    LEFT JOIN content_chunks c ON c.version_id = v.id
    GROUP BY d.id, v.id HAVING v.id IS NULL OR v.released_at IS NOT NULL OR v.size <> d.size
      OR coalesce(sum(length(c.bytes)), 0) <> d.size OR coalesce(max(c.seq) + 1, 0) <> count(c.seq)`,
  'a storage count that is not the sum of the documents': `
    SELECT u.account_id FROM storage_usage u LEFT JOIN documents d ON d.account_id = u.account_id
    GROUP BY u.account_id, u.document_bytes HAVING coalesce(sum(d.size), 0) <> u.document_bytes OR count(d.id) <> u.document_count`,
  'a storage count that is not the sum of the chunks': `
    SELECT u.account_id FROM storage_usage u
    LEFT JOIN content_versions v ON v.account_id = u.account_id LEFT JOIN content_chunks c ON c.version_id = v.id
    GROUP BY u.account_id, u.stored_bytes HAVING coalesce(sum(length(c.bytes)), 0) <> u.stored_bytes`,
};

/** On PostgreSQL no program can read what these ask. */
const rulesOfSqlite: Record<string, string> = {
  'a row whose parent is gone': 'PRAGMA foreign_key_check',
  'a damaged file': "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
};

/** Returns every broken rule with the rows that break it, as sentences. */
export async function brokenRules(database: DatabaseReader): Promise<string[]> {
  const broken: string[] = [];
  const all = database.engine === 'sqlite' ? { ...rules, ...rulesOfSqlite } : rules;
  for (const [rule, query] of Object.entries(all)) {
    const rows = await database.read(query);
    if (rows.length === 0) continue;
    broken.push(`${rule}: ${rows.slice(0, 3).map((row) => Object.values(row)[0])} (${rows.length})`);
  }
  return broken;
}

/** Returns the ids of documents whose stored bytes are not those of their SHA-256. */
export async function documentsOfOtherBytes(database: DatabaseReader): Promise<string[]> {
  const others: string[] = [];
  for (const { id, version_id, sha256 } of await database.read('SELECT id, version_id, sha256 FROM documents')) {
    const digest = createHash('sha256');
    const chunks = 'SELECT bytes FROM content_chunks WHERE version_id = ? ORDER BY seq';
    for (const { bytes } of await database.read(chunks, String(version_id))) digest.update(bytes as Uint8Array);
    if (digest.digest('hex') !== sha256) others.push(String(id));
  }
  return others;
}
