import { useSearch } from '@tanstack/react-router';
import { Page } from '../ui/page.tsx';
import { DocumentList } from './document-list.tsx';
import { DropZone } from './drop-zone.tsx';
import { LeaveGuard } from './leave-guard.tsx';
import { isActive } from './upload-list.ts';
import { UploadRows } from './upload-rows.tsx';
import { useUploads } from './use-uploads.ts';

export function DocumentsPage() {
  const { q = '' } = useSearch({ from: '/signed-in/documents' });
  const { uploads, list } = useUploads();
  return (
    <Page title="Documents" about="Files and texts that your programs can read and write with your API key.">
      <DropZone onFiles={uploads.add} />
      <UploadRows uploads={uploads} list={list} />
      <DocumentList q={q} />
      <LeaveGuard active={list.uploads.some(isActive)} />
    </Page>
  );
}
