import { useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { announce } from '../ui/announcements.tsx';
import { Button } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { Panel } from '../ui/panel.tsx';
import { DocumentDialogs, type DocumentTask } from './document-dialogs.tsx';
import { useDocuments } from './document-queries.ts';
import { DocumentTable } from './document-table.tsx';
import { FirstDocument } from './first-document.tsx';
import { SearchField } from './search-field.tsx';

/** The account's documents, or those with `q` in their title. */
export function DocumentList({ q }: { q: string }) {
  const navigate = useNavigate();
  const list = useDocuments(q);
  const [task, setTask] = useState<DocumentTask | null>(null);
  const status = useRef<HTMLParagraphElement>(null);
  const documents = list.data?.pages.flatMap(({ items }) => items) ?? [];
  // What the search before has not found says nothing of this one.
  const isEarlierNothing = list.isPlaceholderData && documents.length === 0;

  async function loadMore(): Promise<void> {
    const { data, hasNextPage } = await list.fetchNextPage();
    const loaded = data?.pages.at(-1)?.items.length ?? 0;
    announce(`${loaded} more loaded.`);
    // The button is gone with the last page.
    if (!hasNextPage) status.current?.focus();
  }

  return (
    <Panel title="Your documents" action={<SearchField q={q} />}>
      {(list.isPending || isEarlierNothing) && <Loading label="Loading documents" className="h-64" />}
      {list.error ? <Failure error={list.error} onRetry={() => void list.refetch()} /> : null}
      {list.isSuccess &&
        !isEarlierNothing &&
        documents.length === 0 &&
        (q === '' ? <FirstDocument /> : <NothingFound q={q} onClear={clear} />)}
      {documents.length > 0 && (
        <div aria-busy={list.isPlaceholderData} className={list.isPlaceholderData ? 'opacity-60' : ''}>
          <DocumentTable documents={documents} onTask={setTask} />
        </div>
      )}
      <div className="mt-4 flex flex-wrap items-center justify-between gap-3">
        <p ref={status} tabIndex={-1} role="status" className="text-sm text-muted">
          {documents.length > 0 && countText(documents.length, list.hasNextPage, q)}
        </p>
        {list.hasNextPage && (
          <Button busy={list.isFetchingNextPage} onClick={() => void loadMore()}>
            Load more
          </Button>
        )}
      </div>
      <DocumentDialogs task={task} onClose={() => setTask(null)} onDeleted={() => status.current?.focus()} />
    </Panel>
  );

  function clear(): void {
    void navigate({ to: '/documents', search: { q: undefined } });
  }
}

function NothingFound({ q, onClear }: { q: string; onClear: () => void }) {
  return (
    <Empty title="Nothing found">
      <p role="status" className="wrap-anywhere">
        No title contains “{q}”.
      </p>
      <div>
        <Button onClick={onClear}>Show all documents</Button>
      </div>
    </Empty>
  );
}

function countText(count: number, hasMore: boolean, q: string): string {
  const documents = count === 1 ? '1 document' : `${count} documents`;
  if (hasMore) return `The newest ${documents}${q === '' ? '' : ' of those found'}`;
  return q === '' ? `${documents} in all` : `${documents} found`;
}
