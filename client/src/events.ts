import { type Api, bodyOf } from './api.ts';
import type { operations } from './openapi-types.ts';
import { allItems } from './pages.ts';

export type EventPage = operations['listEvents']['responses'][200]['content']['application/json'];
/** One entry of the audit log. */
export type AccountEvent = EventPage['items'][number];
export type EventKind = AccountEvent['kind'];

export interface EventQuery {
  kind?: EventKind | undefined;
  /** How many at a time: 1 to 100, by default 20. */
  limit?: number | undefined;
}

/** An account's audit log. */
export class Events {
  readonly #api: Api;

  /** @internal */
  constructor(api: Api) {
    this.#api = api;
  }

  /** All events, newest first; asks for the next page when it is needed. */
  list(query: EventQuery = {}): AsyncIterable<AccountEvent> {
    return allItems((cursor) => this.page({ ...query, cursor }));
  }

  /** One page; `next_cursor` is what to send as `cursor` for the next, null on the last. */
  page({ kind, limit, cursor }: EventQuery & { cursor?: string | undefined } = {}): Promise<EventPage> {
    const query = {
      ...(kind !== undefined && { kind }),
      ...(limit !== undefined && { limit }),
      ...(cursor !== undefined && { cursor }),
    };
    return bodyOf(this.#api.client.GET('/api/v1/events/', { params: { query } }));
  }
}
