import { InksongConnectionError } from '@inksong/client';
import { useMutation } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { isCancelled, useReauthentication } from '../app/reauthentication.tsx';
import { inksong } from '../app/session.ts';
import { announce } from '../ui/announcements.tsx';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { Panel } from '../ui/panel.tsx';

export function ExportPanel() {
  const { withReauthentication, dialog } = useReauthentication();
  const leaving = useRef<AbortController | null>(null);
  useEffect(() => () => leaving.current?.abort(), []);
  const download = useMutation({
    mutationFn: () =>
      withReauthentication(() => {
        const controller = new AbortController();
        leaving.current = controller;
        return readArchive(controller.signal);
      }),
    onSuccess: (archive) => {
      saveFile(archive, `inksong-export-${new Date().toISOString().slice(0, 10)}.zip`);
      announce('Your data is downloaded.');
    },
  });
  return (
    <Panel
      title="Export your data"
      about="A zip archive of everything the account holds: documents, sessions, requests a day and activity. Never the key itself."
    >
      <div className="flex flex-col items-start gap-4">
        {download.error && !isCancelled(download.error) ? <Failure error={download.error} /> : null}
        <div className="flex flex-wrap gap-2">
          <Button busy={download.isPending} onClick={() => download.mutate()}>
            {!download.isPending && <Download size={16} aria-hidden />}
            {download.isPending ? 'Downloading …' : 'Download my data'}
          </Button>
          {download.isPending && <Button onClick={() => leaving.current?.abort()}>Cancel</Button>}
        </div>
      </div>
      {dialog}
    </Panel>
  );
}

/** The bytes came with the access token, which no link could send: what is saved is the page's own copy. */
function saveFile(bytes: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(bytes);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Reads the archive to its end: half of one does not open. */
async function readArchive(signal: AbortSignal): Promise<Blob> {
  const response = await inksong.exportData({ signal });
  try {
    return await response.blob();
  } catch (error) {
    if (isCancelled(error)) throw error;
    throw new InksongConnectionError('The archive broke off.', { cause: error });
  }
}
