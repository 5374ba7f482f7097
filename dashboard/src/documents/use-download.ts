import type { Document } from '@inksong/client';
import { useEffect, useRef, useState } from 'react';
import { inksong } from '../app/session.ts';
import { announce } from '../ui/announcements.tsx';
import { failureText } from '../ui/failure-text.ts';
import { readBlob, saveBlob } from './download.ts';
import { percentOf } from './upload-list.ts';

export type DownloadState = { kind: 'reading'; percent: number } | { kind: 'failed'; failure: string } | null;

/** Downloads a document with the session's token, which a link cannot carry. */
export function useDownload({ id, filename, size }: Document) {
  const [state, setState] = useState<DownloadState>(null);
  const leaving = useRef<AbortController>(null);
  useEffect(() => () => leaving.current?.abort(), []);

  async function start(): Promise<void> {
    const here = new AbortController();
    leaving.current?.abort();
    leaving.current = here;
    setState({ kind: 'reading', percent: 0 });
    announce(`Downloading ${filename}.`);
    try {
      const response = await inksong.documents.download(id, { signal: here.signal });
      const blob = await readBlob(response, (received) =>
        setState({ kind: 'reading', percent: percentOf(received, size) }),
      );
      // All of it had come in the very moment in which it was cancelled.
      if (here.signal.aborted) return;
      saveBlob(blob, filename);
      setState(null);
    } catch (error) {
      if (!here.signal.aborted) setState({ kind: 'failed', failure: failureText(error) });
    }
  }

  function dismiss(): void {
    leaving.current?.abort();
    setState(null);
  }

  return { state, start, dismiss };
}
