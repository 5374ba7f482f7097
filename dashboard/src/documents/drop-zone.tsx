import { Upload } from 'lucide-react';
import { type DragEvent, useEffect, useRef, useState } from 'react';
import { announce } from '../ui/announcements.tsx';
import { Button } from '../ui/button.tsx';

/** Takes files that are dropped or chosen. */
export function DropZone({ onFiles }: { onFiles: (files: File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setIsOver] = useState(false);
  usePageKeptOnDrop();

  function drop(event: DragEvent): void {
    event.preventDefault();
    setIsOver(false);
    const { files, hasFolders } = droppedFiles(event.dataTransfer);
    if (hasFolders) announce('Folders cannot be uploaded. Drop the files in them.');
    if (files.length > 0) onFiles(files);
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is the other way to do what the button in it does.
    <div
      data-testid="drop-zone"
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setIsOver(false);
      }}
      onDrop={drop}
      className={`flex flex-wrap items-center justify-center gap-x-4 gap-y-3 rounded-xl border-2 border-dashed p-6 text-center transition-colors ${isOver ? 'border-accent bg-accent-soft' : 'border-edge bg-surface'}`}
    >
      <Upload size={22} className="text-muted" aria-hidden />
      <p>Drop files here, or</p>
      <Button kind="primary" onClick={() => input.current?.click()}>
        Choose files
      </Button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files to upload"
        onChange={({ currentTarget }) => {
          onFiles([...(currentTarget.files ?? [])]);
          // The same file chosen again is a change too.
          currentTarget.value = '';
        }}
      />
    </div>
  );
}

/** A folder looks like a file that cannot be read. */
function droppedFiles({ items }: DataTransfer): { files: File[]; hasFolders: boolean } {
  const dropped = [...items].filter(({ kind }) => kind === 'file');
  const isFolder = (item: DataTransferItem): boolean => item.webkitGetAsEntry()?.isDirectory ?? false;
  const files = dropped.filter((item) => !isFolder(item)).map((item) => item.getAsFile());
  return { files: files.filter((file) => file !== null), hasFolders: dropped.some(isFolder) };
}

/** A file that misses the zone would be opened in place of the page. */
function usePageKeptOnDrop(): void {
  useEffect(() => {
    const keep = (event: Event): void => event.preventDefault();
    addEventListener('dragover', keep);
    addEventListener('drop', keep);
    return () => {
      removeEventListener('dragover', keep);
      removeEventListener('drop', keep);
    };
  }, []);
}
