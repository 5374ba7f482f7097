import { Menu } from '@base-ui/react/menu';
import type { Document } from '@inksong/client';
import { Download, Ellipsis, FileUp, Pencil, Trash2 } from 'lucide-react';
import type { DocumentTask } from './document-dialogs.tsx';

const itemClass =
  'flex min-h-10 cursor-pointer items-center gap-2.5 rounded-md px-3 text-sm outline-none data-highlighted:bg-sunken';

/** What can be done to a document. */
export function DocumentMenu({ document, onDownload, onTask }: DocumentMenuProps) {
  return (
    <Menu.Root>
      <Menu.Trigger
        aria-label={`Actions for ${document.title}`}
        className="grid size-10 place-items-center rounded-lg text-muted hover:bg-sunken hover:text-ink"
      >
        <Ellipsis size={20} aria-hidden />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner align="end" sideOffset={4} className="z-20">
          <Menu.Popup className="min-w-48 rounded-lg border border-line bg-surface p-1 shadow-lg">
            <Menu.Item className={itemClass} onClick={onDownload}>
              <Download size={16} aria-hidden /> Download
            </Menu.Item>
            <Menu.Item className={itemClass} onClick={() => onTask({ kind: 'rename', document })}>
              <Pencil size={16} aria-hidden /> Rename
            </Menu.Item>
            <Menu.Item className={itemClass} onClick={() => onTask({ kind: 'replace', document })}>
              <FileUp size={16} aria-hidden /> Replace content
            </Menu.Item>
            <Menu.Item className={`${itemClass} text-danger`} onClick={() => onTask({ kind: 'delete', document })}>
              <Trash2 size={16} aria-hidden /> Delete
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

interface DocumentMenuProps {
  document: Document;
  onDownload: () => void;
  onTask: (task: DocumentTask) => void;
}
