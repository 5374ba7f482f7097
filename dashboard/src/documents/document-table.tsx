import type { Document } from '@inksong/client';
import type { DocumentTask } from './document-dialogs.tsx';
import { DocumentRow } from './document-row.tsx';

export function DocumentTable({ documents, onTask }: DocumentTableProps) {
  return (
    <table className="w-full table-fixed">
      <caption className="sr-only">Documents, newest first</caption>
      <thead>
        <tr className="text-left text-sm text-muted">
          <th scope="col" className="font-normal xl:pb-2">
            <span className="max-xl:sr-only">Title</span>
          </th>
          <th scope="col" className="hidden w-40 pb-2 font-normal xl:table-cell">
            Type
          </th>
          <th scope="col" className="hidden w-28 pr-4 pb-2 text-right font-normal xl:table-cell">
            Size
          </th>
          <th scope="col" className="hidden w-56 pb-2 font-normal xl:table-cell">
            Updated, created
          </th>
          <th scope="col" className="w-11 xl:pb-2">
            <span className="sr-only">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {documents.map((document) => (
          <DocumentRow key={document.id} document={document} onTask={onTask} />
        ))}
      </tbody>
    </table>
  );
}

interface DocumentTableProps {
  documents: readonly Document[];
  onTask: (task: DocumentTask) => void;
}
