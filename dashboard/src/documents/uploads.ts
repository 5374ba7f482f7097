import { changed, isActive, noUploads, startable, type UploadChange, type UploadList } from './upload-list.ts';

export interface SendOptions {
  /** The same at every try, so that one whose answer was lost makes no second document. */
  idempotencyKey: string;
  onProgress: (progress: { sentBytes: number; totalBytes: number }) => void;
  signal: AbortSignal;
}

export interface UploadsOptions {
  /** Resolves when the server has stored the file. */
  send: (file: File, options: SendOptions) => Promise<unknown>;
  failureText: (error: unknown) => string;
  /** Called when the account's documents may have changed. */
  onChange: () => void;
  /** How many at a time; the rest wait. */
  atATime?: number;
}

interface Entry {
  file: File;
  idempotencyKey: string;
  /** Of the try that is going on. */
  leaving: AbortController;
}

export type Uploads = ReturnType<typeof createUploads>;

/** Sends files, a few at a time. */
export function createUploads({ send, failureText, onChange, atATime = 2 }: UploadsOptions) {
  let list: UploadList = noUploads;
  let lastId = 0;
  const entries = new Map<number, Entry>();
  const listeners = new Set<() => void>();

  function apply(change: UploadChange): void {
    const next = changed(list, change);
    if (next === list) return;
    list = next;
    for (const listener of listeners) listener();
  }

  function startWaiting(): void {
    for (const { id } of startable(list, atATime)) {
      const entry = entries.get(id);
      if (entry) void run(id, entry);
    }
  }

  async function run(id: number, entry: Entry): Promise<void> {
    const leaving = new AbortController();
    entry.leaving = leaving;
    apply({ kind: 'started', id });
    // A try that was cancelled may still be ending while the next one is under way.
    const applyHere = (change: UploadChange): void => {
      if (entry.leaving === leaving) apply(change);
    };
    try {
      await send(entry.file, {
        idempotencyKey: entry.idempotencyKey,
        signal: leaving.signal,
        onProgress: (progress) => applyHere({ kind: 'progressed', id, ...progress }),
      });
      applyHere({ kind: 'stored', id });
    } catch (error) {
      applyHere({ kind: 'failed', id, failure: failureText(error) });
    }
    onChange();
    startWaiting();
  }

  return {
    current: (): UploadList => list,

    subscribe(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    add(files: readonly File[]): void {
      for (const file of files) {
        const id = ++lastId;
        entries.set(id, { file, idempotencyKey: crypto.randomUUID(), leaving: new AbortController() });
        apply({ kind: 'added', id, name: file.name, size: file.size });
      }
      startWaiting();
    },

    /** Ends it, whether it waits or is being sent; the server keeps nothing of what broke off. */
    cancel(id: number): void {
      apply({ kind: 'cancelled', id });
      entries.get(id)?.leaving.abort();
      startWaiting();
    },

    retry(id: number): void {
      apply({ kind: 'retried', id });
      startWaiting();
    },

    /** Takes what has ended off the list: one, or all that are stored or cancelled. */
    dismiss(id?: number): void {
      for (const each of list.uploads) {
        if (id === undefined ? each.status === 'failed' : each.id !== id) continue;
        if (isActive(each)) continue;
        apply({ kind: 'dismissed', id: each.id });
        entries.delete(each.id);
      }
    },

    cancelAll(): void {
      for (const each of list.uploads.filter(isActive)) apply({ kind: 'cancelled', id: each.id });
      for (const { leaving } of entries.values()) leaving.abort();
    },
  };
}
