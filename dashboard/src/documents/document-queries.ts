import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { queries } from '../app/queries.ts';
import { inksong } from '../app/session.ts';

const queryKey = ['documents'];

/** An account's documents with `q` in their title, newest first, one page after another. */
export function useDocuments(q: string) {
  return useInfiniteQuery({
    queryKey: [...queryKey, q],
    queryFn: ({ pageParam }) => inksong.documents.page({ ...(q !== '' && { q }), cursor: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

/** Asks for all lists again; resolves when those on the page are there. */
export function documentsChanged(): Promise<void> {
  return queries.invalidateQueries({ queryKey });
}
