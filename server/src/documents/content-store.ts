import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { sql } from '#kysely';
import { AppError } from '../app-error.ts';
import type { Database, Transaction } from '../database/database.ts';
import { newId } from '../id.ts';
import { createAccountTurns } from './account-turns.ts';
import type { ByteRange } from './content-range.ts';
import type { ContentStore } from './documents.ts';
import { addStoredBytes, subtractStoredBytes } from './storage-usage.ts';

/** Part of the stored format: a chunk's place in the content is its number times this. */
const chunkBytes = 256 * 1024;
/** A version that no document points at is erased when nobody has renewed its lease for this long. */
const leaseMs = 5 * 60_000;
/** How often a reader or writer renews its version's lease, even while its client is slow. */
const renewalMs = 30_000;
/** Erased in one transaction, so that a purge never holds the writer for long: 16 MiB. */
const purgedChunks = 64;
/** Looked for at once. */
const purgedVersions = 50;
/** In place of a lease's time: erase at once, never to be renewed. */
const givenUp = 0;

export function createContentStore(database: Database, accountQuotaBytes: number): ContentStore {
  const { query, now } = database;
  const inTurn = createAccountTurns();
  const expired = sql<boolean>`released_at < ${now} - ${sql.lit(leaseMs)}`;

  /** Renews a lease; returns false when it is not renewable: a document points at the version, or it is given up. */
  async function renew(db: Transaction | Database['query'], versionId: string, grownBytes = 0): Promise<boolean> {
    const { numUpdatedRows } = await db
      .updateTable('content_versions')
      .set((eb) => ({ released_at: now, size: eb('size', '+', grownBytes) }))
      .where('id', '=', versionId)
      .where('released_at', '>', givenUp)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Renews a lease every now and then; returns a function that ends that. */
  function keepRenewing(versionId: string): () => void {
    // One failure may pass: there are nine more chances before the lease ends.
    const timer = setInterval(() => void renew(query, versionId).catch(() => {}), renewalMs).unref();
    return () => clearInterval(timer);
  }

  const append = (accountId: string, versionId: string, seq: number, bytes: Uint8Array): Promise<void> =>
    inTurn(accountId, () =>
      database.lockingTransaction(async (trx) => {
        await addStoredBytes(trx, accountId, bytes.length, accountQuotaBytes);
        if (!(await renew(trx, versionId, bytes.length))) throw interrupted();
        await trx.insertInto('content_chunks').values({ version_id: versionId, seq, bytes }).execute();
      }),
    );

  async function readChunk(versionId: string, seq: number): Promise<Uint8Array> {
    const chunk = await query
      .selectFrom('content_chunks')
      .select('bytes')
      .where('version_id', '=', versionId)
      .where('seq', '=', seq)
      .executeTakeFirst();
    // Only an account's deletion takes bytes away from a reader.
    if (!chunk) throw new AppError('unavailable', { detail: 'The bytes are gone.' });
    return chunk.bytes;
  }

  /** Erases one slice of an expired version. Returns the number of chunks erased. */
  const eraseSlice = (versionId: string): Promise<number> =>
    database.lockingTransaction(async (trx) => {
      // From the first slice on the version is given up, so that nobody takes up half of it.
      const version = await trx
        .updateTable('content_versions')
        .set({ released_at: givenUp })
        .where('id', '=', versionId)
        .where(expired)
        .returning('account_id')
        .executeTakeFirst();
      if (!version) return 0;
      const erased = await trx
        .deleteFrom('content_chunks')
        .where('version_id', '=', versionId)
        .where('seq', 'in', (eb) =>
          eb
            .selectFrom('content_chunks')
            .select('seq')
            .where('version_id', '=', versionId)
            .orderBy('seq', 'desc')
            .limit(purgedChunks),
        )
        .returning(sql<number>`octet_length(bytes)`.as('size'))
        .execute();
      const bytes = erased.reduce((sum, { size }) => sum + size, 0);
      await subtractStoredBytes(trx, version.account_id, bytes);
      if (erased.length < purgedChunks) await trx.deleteFrom('content_versions').where('id', '=', versionId).execute();
      return erased.length;
    });

  return {
    async write(accountId, bytes) {
      const versionId = newId('ver');
      await query
        .insertInto('content_versions')
        .values({ id: versionId, account_id: accountId, size: 0, released_at: now })
        .execute();
      const stopRenewing = keepRenewing(versionId);
      try {
        const sha256 = createHash('sha256');
        let size = 0;
        let seq = 0;
        for await (const chunk of inChunks(bytes)) {
          sha256.update(chunk);
          await append(accountId, versionId, seq++, chunk);
          size += chunk.length;
        }
        return { versionId, size, sha256: sha256.digest('hex') };
      } catch (error) {
        await this.abandon(versionId);
        throw error;
      } finally {
        stopRenewing();
      }
    },

    async abandon(versionId) {
      await query
        .updateTable('content_versions')
        .set({ released_at: givenUp })
        .where('id', '=', versionId)
        .where('released_at', 'is not', null)
        .execute()
        // The refusal that led here matters more, and the lease ends by itself.
        .catch(() => {});
    },

    async read(versionId, { first, last }: ByteRange) {
      const firstSeq = Math.floor(first / chunkBytes);
      // Read before the answer's head is sent, so that an outage is still a 503.
      const firstChunk = await readChunk(versionId, firstSeq);

      async function* pieces(): AsyncGenerator<Uint8Array> {
        const stopRenewing = keepRenewing(versionId);
        try {
          for (let seq = firstSeq; seq * chunkBytes <= last; seq++) {
            const chunk = seq === firstSeq ? firstChunk : await readChunk(versionId, seq);
            const start = seq * chunkBytes;
            yield chunk.subarray(Math.max(0, first - start), last + 1 - start);
            // A fast reader would otherwise get all chunks in one turn and keep every other request waiting.
            await setImmediate();
          }
        } finally {
          stopRenewing();
        }
      }
      return Readable.from(pieces(), { objectMode: false });
    },

    async purge(stop) {
      while (!stop?.aborted) {
        const versions = await query
          .selectFrom('content_versions')
          .select('id')
          .where(expired)
          .limit(purgedVersions)
          .execute();
        if (versions.length === 0) return;
        for (const { id } of inRandomOrder(versions)) {
          while (!stop?.aborted && (await eraseSlice(id)) === purgedChunks) await setImmediate();
          await setImmediate();
        }
      }
    },
  };
}

/** Makes a version permanent for the document that the same transaction points at it. Throws when its lease had ended. */
export async function adoptVersion(trx: Transaction, versionId: string): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable('content_versions')
    .set({ released_at: null })
    .where('id', '=', versionId)
    .where('released_at', '>', givenUp)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw interrupted();
}

/** Leaves a version that its document no longer points at to those who still read it. */
export async function releaseVersion(trx: Transaction, now: Database['now'], versionId: string): Promise<void> {
  await trx.updateTable('content_versions').set({ released_at: now }).where('id', '=', versionId).execute();
}

function interrupted(): AppError {
  return new AppError('unavailable', {
    detail: 'The upload stood still too long; send it again.',
    retryAfterSeconds: 1,
  });
}

/** Yields a stream in pieces of exactly `chunkBytes`, the last one shorter; each piece is only valid until the next. */
async function* inChunks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.allocUnsafeSlow(chunkBytes);
  let filled = 0;
  for await (const piece of bytes) {
    for (let offset = 0; offset < piece.length; ) {
      const part = piece.subarray(offset, offset + chunkBytes - filled);
      chunk.set(part, filled);
      filled += part.length;
      offset += part.length;
      if (filled === chunkBytes) {
        yield chunk;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

/** Nodes that purge at the same moment find the same rows; each begins with another. */
function inRandomOrder<T>(rows: readonly T[]): T[] {
  return rows
    .map((row) => ({ row, place: Math.random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ row }) => row);
}
