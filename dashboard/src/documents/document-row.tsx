import type { Document } from '@inksong/client';
import { lazy, Suspense } from 'react';
import { Button } from '../ui/button.tsx';
import { Time } from '../ui/time.tsx';
import { byteText, exactByteText } from './byte-text.ts';
import type { DocumentTask } from './document-dialogs.tsx';
import { ProgressBar } from './progress-bar.tsx';
import { type DownloadState, useDownload } from './use-download.ts';

// What places a menu beside its button is a fifth of all that a first visit may load, and a list is read first.
const DocumentMenu = lazy(async () => ({ default: (await import('./document-menu.tsx')).DocumentMenu }));

/** On narrow screens what the columns would say stands below the title. */
export function DocumentRow({ document, onTask }: { document: Document; onTask: (task: DocumentTask) => void }) {
  const { title, filename, content_type, size, created_at, updated_at } = document;
  const download = useDownload(document);
  // Without its parameters, such as the charset.
  const type = content_type.replace(/;.*/s, '');
  const sizeText = <span title={exactByteText(size)}>{byteText(size)}</span>;
  return (
    <tr className="border-t border-line align-top max-xl:first:border-t-0">
      <th scope="row" className="py-3 pr-4 text-left font-normal">
        <p className="font-medium wrap-anywhere">{title}</p>
        {filename !== title && <p className="text-sm text-muted wrap-anywhere">{filename}</p>}
        <p className="mt-1 flex flex-wrap gap-x-4 text-sm text-muted xl:hidden">
          {sizeText}
          {updated_at !== created_at && (
            <span>
              Updated <Time at={updated_at} relative />
            </span>
          )}
          <span>
            Created <Time at={created_at} />
          </span>
          <span className="wrap-anywhere">{type}</span>
        </p>
        <DownloadLine
          filename={filename}
          state={download.state}
          onRetry={download.start}
          onDismiss={download.dismiss}
        />
      </th>
      <td className="hidden py-3 pr-4 text-sm text-muted wrap-anywhere xl:table-cell">
        <span title={content_type}>{type}</span>
      </td>
      <td className="hidden py-3 pr-4 text-right text-sm whitespace-nowrap xl:table-cell">{sizeText}</td>
      <td className="hidden py-3 pr-4 text-sm whitespace-nowrap xl:table-cell">
        <Time at={updated_at} relative />
        <span className="block text-muted">
          <span className="sr-only">created </span>
          <Time at={created_at} />
        </span>
      </td>
      <td className="w-11 py-1.5 text-right">
        <Suspense fallback={<span className="size-10" />}>
          <DocumentMenu document={document} onDownload={() => void download.start()} onTask={onTask} />
        </Suspense>
      </td>
    </tr>
  );
}

function DownloadLine({ filename, state, onRetry, onDismiss }: DownloadLineProps) {
  if (state === null) return null;
  return (
    <div className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-2 text-sm">
      <div className="grow basis-40">
        {state.kind === 'reading' ? (
          <ProgressBar label={`Downloading ${filename}`} percent={state.percent} />
        ) : (
          <p role="alert" className="text-danger">
            {state.failure}
          </p>
        )}
      </div>
      {state.kind === 'failed' && <Button onClick={onRetry}>Try again</Button>}
      <Button onClick={onDismiss}>{state.kind === 'reading' ? 'Cancel download' : 'Dismiss'}</Button>
    </div>
  );
}

interface DownloadLineProps {
  filename: string;
  state: DownloadState;
  onRetry: () => void;
  onDismiss: () => void;
}
