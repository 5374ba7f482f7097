import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { queries } from '../app/queries.ts';
import { inksong } from '../app/session.ts';

const queryKey = ['documents'];
/** What the page shows in place of an empty list is to be run elsewhere, and what it did is to be seen here. */
const firstDocumentWaitMs = 3_000;

/** An account's documents with `q` in their title, newest first, one page after another. */
export function useDocuments(q: string) {
  return useInfiniteQuery({
    queryKey: [...queryKey, q],
    queryFn: ({ pageParam }) => inksong.documents.page({ ...(q !== '' && { q }), cursor: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) =>
      q === '' && state.data?.pages[0]?.items.length === 0 ? firstDocumentWaitMs : false,
  });
}

/** Asks for all lists again; resolves when those on the page are there. */
export function documentsChanged(): Promise<void> {
  return queries.invalidateQueries({ queryKey });
}
