import { DatabaseSync } from 'node:sqlite';

interface Row {
  id: string;
  title: string;
  filename: string;
  content_type: string;
  size: number;
  sha256: string;
  created_at: number;
  updated_at: number;
}

/** Returns a list of documents by prepared statements on a file of Inksong's own tables: the same fields, the same pages. */
export function openDocumentList(path: string) {
  const file = new DatabaseSync(path, { timeout: 5_000 });
  file.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  const columns = 'id, title, filename, content_type, size, sha256, created_at, updated_at';
  const order = 'ORDER BY created_at DESC, id DESC LIMIT ?';
  const first = file.prepare(`SELECT ${columns} FROM documents WHERE account_id = ? ${order}`);
  const after = file.prepare(
    `SELECT ${columns} FROM documents WHERE account_id = ? AND (created_at, id) < (?, ?) ${order}`,
  );

  function list(accountId: string, limit: number, cursor?: string) {
    const [at = '', id = ''] = cursor?.split('.') ?? [];
    const found =
      cursor === undefined ? first.all(accountId, limit + 1) : after.all(accountId, Number(at), id, limit + 1);
    const rows = found as unknown as Row[];
    const items = rows.slice(0, limit);
    const last = rows.length > limit ? items.at(-1) : undefined;
    return {
      items: items.map(toAnswer),
      next_cursor: last ? `${last.created_at}.${last.id}` : null,
    };
  }
  return { file, list };
}

/** Field by field: rows of `node:sqlite` have no prototype, and spreading one costs more than all the rest of this. */
function toAnswer(row: Row) {
  return {
    id: row.id,
    title: row.title,
    filename: row.filename,
    content_type: row.content_type,
    size: row.size,
    sha256: row.sha256,
    created_at: isoTime(row.created_at),
    updated_at: isoTime(row.updated_at),
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
