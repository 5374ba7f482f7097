import { Check, X } from 'lucide-react';
import { Button } from '../ui/button.tsx';
import { Panel } from '../ui/panel.tsx';
import { byteText, exactByteText } from './byte-text.ts';
import { ProgressBar } from './progress-bar.tsx';
import { isActive, type Upload, type UploadList } from './upload-list.ts';
import type { Uploads } from './uploads.ts';

/** What is being sent, what waits, and what became of the rest. */
export function UploadRows({ uploads, list }: { uploads: Uploads; list: UploadList }) {
  const hasEnded = list.uploads.some(({ status }) => status === 'stored' || status === 'cancelled');
  return (
    <>
      <div role="log" aria-label="Uploads so far" className="sr-only">
        {list.remarks.map(({ id, text }) => (
          <p key={id}>{text}</p>
        ))}
      </div>
      {list.uploads.length > 0 && (
        <Panel
          title="Uploads"
          action={
            <Button onClick={() => uploads.dismiss()} disabled={!hasEnded}>
              Clear finished
            </Button>
          }
        >
          <ul aria-label="Uploads" className="divide-y divide-line">
            {list.uploads.map((upload) => (
              <UploadRow key={upload.id} upload={upload} uploads={uploads} />
            ))}
          </ul>
        </Panel>
      )}
    </>
  );
}

function UploadRow({ upload, uploads }: { upload: Upload; uploads: Uploads }) {
  const { id, name, size, status, percent, failure } = upload;
  const mayTryAgain = status === 'failed' || status === 'cancelled';
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 py-3 first:pt-0 last:pb-0">
      <div className={`min-w-0 grow sm:basis-0 ${mayTryAgain ? 'basis-full' : 'basis-0'}`}>
        <p className="flex flex-wrap items-baseline justify-between gap-x-4 text-sm">
          <span className="min-w-0 font-medium wrap-anywhere">{name}</span>
          <span className="text-muted" title={exactByteText(size)}>
            {byteText(size)}
          </span>
        </p>
        <div className="mt-1 min-h-5 text-sm">
          {status === 'sending' && <ProgressBar label={`Uploading ${name}`} percent={percent} />}
          {status === 'waiting' && <p className="text-muted">Waiting for its turn</p>}
          {status === 'cancelled' && <p className="text-muted">Cancelled</p>}
          {status === 'failed' && <p className="text-danger">{failure}</p>}
          {status === 'stored' && (
            <p className="flex items-center gap-1.5 text-good">
              <Check size={16} aria-hidden /> Uploaded
            </p>
          )}
        </div>
      </div>
      {mayTryAgain && (
        <Button
          onClick={() => uploads.retry(id)}
          className="shrink-0 whitespace-nowrap"
          aria-label={`Try again to upload ${name}`}
        >
          Try again
        </Button>
      )}
      <button
        type="button"
        aria-label={isActive(upload) ? `Cancel the upload of ${name}` : `Take ${name} off this list`}
        onClick={() => (isActive(upload) ? uploads.cancel(id) : uploads.dismiss(id))}
        className="ml-auto grid size-10 shrink-0 place-items-center rounded-lg text-muted hover:bg-sunken hover:text-ink"
      >
        <X size={18} aria-hidden />
      </button>
    </li>
  );
}
