import type { Readable } from 'node:stream';
import { AppError } from '../app-error.ts';
import type { Actor } from '../auth/actor.ts';
import type { ApiKeys } from '../auth/api-keys/api-keys.ts';
import type { OwnSessions } from '../auth/sessions/own-sessions.ts';
import type { DocumentView } from '../documents/document.ts';
import type { Documents } from '../documents/documents.ts';
import type { EventView } from '../events/event.ts';
import type { Events } from '../events/events.ts';
import type { PageCursor } from '../page-cursor.ts';
import type { Usage } from '../usage/usage.ts';
import { archiveNameOf } from './archive-name.ts';
import { type ArchiveFile, zipOf } from './zip-archive.ts';

export interface ExportedAccount {
  id: string;
  email: string;
  /** Milliseconds since 1970. */
  createdAt: number;
}

export interface AccountExportStore {
  /** Notes in the audit log that the account's data was taken out. */
  recordExport(accountId: string, actor: Actor): Promise<void>;
}

export type AccountExport = ReturnType<typeof createAccountExport>;

export interface AccountExportOptions {
  store: AccountExportStore;
  apiKeys: Pick<ApiKeys, 'list' | 'listAddresses'>;
  ownSessions: Pick<OwnSessions, 'list'>;
  documents: Pick<Documents, 'list' | 'open'>;
  events: Pick<Events, 'list'>;
  usage: Pick<Usage, 'list'>;
}

const pageSize = 100;
const usageDays = 366;

/** All that an account holds, as one archive that a person can restore from by hand. */
export function createAccountExport({ store, apiKeys, ownSessions, documents, events, usage }: AccountExportOptions) {
  /** Yields a document at a time, and adds to `index` what is known of it: the bytes yielded are those it describes. */
  async function* documentFiles(accountId: string, index: string[]): AsyncGenerator<ArchiveFile> {
    for await (const { id } of documentsOf(accountId)) {
      const opened = await documents.open(accountId, id).catch(nullWhenDeleted);
      if (!opened) continue;
      const { document, read } = opened;
      const name = archiveNameOf(document);
      const bytes = document.size === 0 ? '' : await read({ first: 0, last: document.size - 1 });
      try {
        yield { name, bytes, modifiedAt: document.updated_at };
      } finally {
        if (typeof bytes !== 'string') bytes.destroy();
      }
      index.push(jsonOf({ ...document, path: name }));
    }
  }

  async function* documentsOf(accountId: string): AsyncGenerator<DocumentView> {
    let after: PageCursor | null = null;
    do {
      const page = await documents.list(accountId, '', pageSize, after);
      yield* page.items;
      after = page.next;
    } while (after);
  }

  async function* eventsOf(accountId: string): AsyncGenerator<EventView> {
    let after: PageCursor | null = null;
    do {
      const page = await events.list(accountId, null, pageSize, after);
      yield* page.items;
      after = page.next;
    } while (after);
  }

  async function* filesOf(account: string, accountId: string, exportedAt: number): AsyncGenerator<ArchiveFile> {
    yield { name: 'account.json', bytes: account, modifiedAt: exportedAt };
    const index: string[] = [];
    yield* documentFiles(accountId, index);
    yield { name: 'documents.json', bytes: arrayOf(index), modifiedAt: exportedAt };
    yield { name: 'events.json', bytes: arrayOf(jsonLines(eventsOf(accountId))), modifiedAt: exportedAt };
  }

  return {
    /**
     * Records the export, then returns it as a zip archive that is made while it is read. Documents that come or go
     * meanwhile may be missing, but none is half there. Throws before the first byte when the database cannot be read.
     */
    async open({ id, email, createdAt }: ExportedAccount, actor: Actor): Promise<Readable> {
      await store.recordExport(id, actor);
      const exportedAt = Date.now();
      const keys = await apiKeys.list(id);
      const addresses = await Promise.all(keys.map((key) => apiKeys.listAddresses(id, key.id)));
      const account = jsonOf(
        {
          exported_at: exportedAt,
          account: { id, email, created_at: createdAt },
          api_keys: keys,
          api_key_addresses: keys.flatMap((key, index) =>
            (addresses[index] ?? []).map(({ address, lastUsedAt }) => ({
              api_key_id: key.id,
              address,
              last_used_at: lastUsedAt,
            })),
          ),
          sessions: await ownSessions.list(id),
          usage: (await usage.list(id, usageDays)).filter(({ api_key, bearer }) =>
            [api_key, bearer].some((counts) => Object.values(counts).some((count) => count > 0)),
          ),
        },
        2,
      );
      return zipOf(filesOf(account, id, exportedAt));
    },
  };
}

function nullWhenDeleted(error: unknown): null {
  if (error instanceof AppError && error.code === 'not_found') return null;
  throw error;
}

/** Times are told as in the API. */
function jsonOf(value: unknown, indent?: number): string {
  return JSON.stringify(
    value,
    (name, part) =>
      (name.endsWith('_at') || name === 'at') && typeof part === 'number' ? new Date(part).toISOString() : part,
    indent,
  );
}

async function* jsonLines(values: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const value of values) yield jsonOf(value);
}

/** Yields a JSON array, one element a line. */
async function* arrayOf(elements: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  let separator = '[\n';
  for await (const element of elements) {
    yield separator + element;
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n';
}
