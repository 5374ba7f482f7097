import { useEffect, useState, useSyncExternalStore } from 'react';
import { inksong } from '../app/session.ts';
import { storeFailureText } from './document-failure.ts';
import { documentsChanged } from './document-queries.ts';
import type { UploadList } from './upload-list.ts';
import { createUploads, type Uploads } from './uploads.ts';

/** The uploads of this page; they end when it is left. */
export function useUploads(): { uploads: Uploads; list: UploadList } {
  const [uploads] = useState(() =>
    createUploads({
      send: (file, options) => inksong.documents.upload({ file, ...options }),
      failureText: storeFailureText,
      onChange: () => void documentsChanged(),
    }),
  );
  const list = useSyncExternalStore(uploads.subscribe, uploads.current);
  useEffect(() => () => uploads.cancelAll(), [uploads]);
  return { uploads, list };
}
