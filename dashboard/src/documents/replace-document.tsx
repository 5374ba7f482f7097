import { type Document, InksongError } from '@inksong/client';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { inksong } from '../app/session.ts';
import { announce } from '../ui/announcements.tsx';
import { Button } from '../ui/button.tsx';
import { Actions } from '../ui/modal.tsx';
import { Notice } from '../ui/notice.tsx';
import { byteText } from './byte-text.ts';
import { storeFailureText } from './document-failure.ts';
import { documentsChanged } from './document-queries.ts';
import { LeaveGuard } from './leave-guard.tsx';
import { ProgressBar } from './progress-bar.tsx';
import { percentOf } from './upload-list.ts';

/** Sends other bytes for a document, unless somebody else has done so since `document` was read. */
export function ReplaceDocument({ document, onSending, onClose }: ReplaceDocumentProps) {
  const input = useRef<HTMLInputElement>(null);
  const leaving = useRef<AbortController>(null);
  const [file, setFile] = useState<File | null>(null);
  const [percent, setPercent] = useState(0);
  // The version that is to be replaced: the one that this dialog was opened on, or that was shown since.
  const [base, setBase] = useState(document);
  const replace = useMutation({
    mutationFn: async (sent: File) => {
      const here = new AbortController();
      leaving.current = here;
      setPercent(0);
      await inksong.documents.replace(document.id, {
        file: sent,
        ifMatch: `"${base.sha256}"`,
        signal: here.signal,
        onProgress: ({ sentBytes, totalBytes }) => setPercent(percentOf(sentBytes, totalBytes)),
      });
    },
    onSuccess: () => {
      announce('Content replaced, 100 per cent.');
      onClose();
    },
    onSettled: () => {
      onSending(false);
      return documentsChanged();
    },
  });
  const reread = useMutation({
    mutationFn: () => inksong.documents.get(document.id),
    onSuccess: (current) => {
      setBase(current);
      replace.reset();
    },
  });
  useEffect(() => () => leaving.current?.abort(), []);
  const isChanged = replace.error instanceof InksongError && replace.error.status === 412;
  const failure = replace.error && !leaving.current?.signal.aborted ? storeFailureText(replace.error) : null;

  function send(): void {
    if (!file) return;
    announce(`Uploading ${file.name}, 0 per cent.`);
    onSending(true);
    replace.mutate(file);
  }

  return (
    <>
      <div className="flex flex-col gap-4 text-sm">
        <p className="wrap-anywhere">
          The document keeps its title and its address. What it holds now, {byteText(base.size)}, is gone afterwards.
        </p>
        {base !== document && (
          <Notice kind="warning">
            <p>This replaces the version that somebody else has stored since.</p>
          </Notice>
        )}
        <input
          ref={input}
          type="file"
          hidden
          aria-label="New content"
          onChange={({ currentTarget }) => {
            setFile(currentTarget.files?.[0] ?? null);
            replace.reset();
          }}
        />
        <div className="flex flex-wrap items-center gap-3">
          <Button onClick={() => input.current?.click()} disabled={replace.isPending}>
            {file ? 'Choose another file' : 'Choose a file'}
          </Button>
          <span className="min-w-0 wrap-anywhere">{file ? `${file.name}, ${byteText(file.size)}` : ''}</span>
        </div>
        {replace.isPending && <ProgressBar label={`Uploading ${file?.name}`} percent={percent} />}
        {failure !== null && (
          <Notice kind="error">
            <p>{failure}</p>
            {isChanged && <p className="mt-1">Download it first if you want to see what has changed.</p>}
          </Notice>
        )}
        {reread.error ? <Notice kind="error">{storeFailureText(reread.error)}</Notice> : null}
      </div>
      <Actions>
        <Button onClick={() => (replace.isPending ? leaving.current?.abort() : onClose())}>
          {replace.isPending ? 'Stop uploading' : 'Cancel'}
        </Button>
        {isChanged ? (
          <Button kind="danger" busy={reread.isPending} onClick={() => reread.mutate()}>
            Replace the new version
          </Button>
        ) : (
          <Button kind="primary" disabled={!file} busy={replace.isPending} onClick={send}>
            {failure === null ? 'Replace' : 'Try again'}
          </Button>
        )}
      </Actions>
      <LeaveGuard active={replace.isPending} />
    </>
  );
}

interface ReplaceDocumentProps {
  document: Document;
  /** Tells when bytes are on their way, and when no longer. */
  onSending: (isSending: boolean) => void;
  onClose: () => void;
}
