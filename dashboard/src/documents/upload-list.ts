type UploadStatus = 'waiting' | 'sending' | 'stored' | 'failed' | 'cancelled';

export interface Upload {
  id: number;
  name: string;
  /** Bytes. */
  size: number;
  status: UploadStatus;
  /** Whole per cent; 100 only once the server has stored it. */
  percent: number;
  /** Why it failed, for a person; null when it has not. */
  failure: string | null;
}

export interface UploadList {
  uploads: readonly Upload[];
  /** What is read out, the newest last: only where an upload starts and ends. */
  remarks: readonly { id: number; text: string }[];
}

export type UploadChange =
  | { kind: 'added'; id: number; name: string; size: number }
  | { kind: 'started' | 'stored' | 'cancelled' | 'retried' | 'dismissed'; id: number }
  | { kind: 'progressed'; id: number; sentBytes: number; totalBytes: number }
  | { kind: 'failed'; id: number; failure: string };

/** More are waiting than anyone wants to hear. */
const keptRemarks = 6;

export const noUploads: UploadList = { uploads: [], remarks: [] };

/** Returns the list after a change. What no longer applies, such as progress of a cancelled upload, changes nothing. */
export function changed(list: UploadList, change: UploadChange): UploadList {
  if (change.kind === 'added') {
    const { id, name, size } = change;
    const upload: Upload = { id, name, size, status: 'waiting', percent: 0, failure: null };
    return { ...list, uploads: [...list.uploads, upload] };
  }
  const before = list.uploads.find(({ id }) => id === change.id);
  if (!before) return list;
  if (change.kind === 'dismissed') {
    return isActive(before) ? list : { ...list, uploads: list.uploads.filter((each) => each !== before) };
  }
  const after = changedUpload(before, change);
  if (after === before) return list;
  const uploads = list.uploads.map((each) => (each === before ? after : each));
  return { uploads, remarks: withRemark(list.remarks, before, after) };
}

function changedUpload(upload: Upload, change: Exclude<UploadChange, { kind: 'added' }>): Upload {
  const { status } = upload;
  switch (change.kind) {
    case 'retried':
      return isActive(upload) || status === 'stored'
        ? upload
        : { ...upload, status: 'waiting', percent: 0, failure: null };
    case 'cancelled':
      return isActive(upload) ? { ...upload, status: 'cancelled', percent: 0 } : upload;
    case 'started':
      return status === 'waiting' ? { ...upload, status: 'sending' } : upload;
    case 'progressed': {
      const percent = percentOf(change.sentBytes, change.totalBytes);
      return status !== 'sending' || percent === upload.percent ? upload : { ...upload, percent };
    }
    case 'stored':
      return status === 'sending' ? { ...upload, status: 'stored', percent: 100 } : upload;
    case 'failed':
      return status === 'sending' ? { ...upload, status: 'failed', failure: change.failure } : upload;
    case 'dismissed':
      return upload;
  }
}

/** Returns whole per cent, at most 99: what has been sent has not been stored yet. */
export function percentOf(sentBytes: number, totalBytes: number): number {
  return totalBytes === 0 ? 0 : Math.min(99, Math.floor((sentBytes / totalBytes) * 100));
}

/** Tells whether leaving now would lose it. */
export function isActive({ status }: Upload): boolean {
  return status === 'waiting' || status === 'sending';
}

/** Returns the uploads that may start now, the first added first. */
export function startable({ uploads }: UploadList, atATime: number): Upload[] {
  const sending = uploads.filter(({ status }) => status === 'sending').length;
  return uploads.filter(({ status }) => status === 'waiting').slice(0, Math.max(0, atATime - sending));
}

function withRemark(remarks: UploadList['remarks'], before: Upload, after: Upload): UploadList['remarks'] {
  if (before.status === after.status || after.status === 'waiting') return remarks;
  const id = (remarks.at(-1)?.id ?? 0) + 1;
  return [...remarks, { id, text: remarkOn(after) }].slice(-keptRemarks);
}

function remarkOn({ name, status, failure }: Upload): string {
  if (status === 'sending') return `Uploading ${name}, 0 per cent.`;
  if (status === 'stored') return `${name} uploaded, 100 per cent.`;
  return status === 'failed' ? `${name} was not uploaded. ${failure}` : `${name} cancelled.`;
}
