import type { components } from './openapi-types.ts';

type Problem = components['schemas']['Problem'];

/** What a program branches on; `unknown` when what answered was not Inksong, such as a proxy in between. */
export type ErrorCode = Problem['code'] | 'unknown';

export interface FieldError {
  /** JSON Pointer (RFC 6901) into what was sent. */
  pointer: string;
  detail: string;
}

/** The server answered, and refused. */
export class InksongError extends Error {
  override readonly name = 'InksongError';
  readonly status: number;
  readonly code: ErrorCode;
  readonly title: string;
  /** What to change, for a person. */
  readonly detail: string;
  /** Quote it when asking for help; null when the answer named none. */
  readonly requestId: string | null;
  /** How long to wait before trying again; null when the server did not say. */
  readonly retryAfterSeconds: number | null;
  readonly errors: readonly FieldError[];

  /** @param problem what the answer's body says, as far as it says anything */
  constructor(status: number, headers: Headers, problem: Partial<Problem>) {
    const title = problem.title ?? `HTTP ${status}`;
    const detail = problem.detail ?? title;
    super(detail);
    this.status = status;
    this.code = problem.code ?? 'unknown';
    this.title = title;
    this.detail = detail;
    this.requestId = problem.request_id ?? headers.get('X-Request-Id');
    this.retryAfterSeconds = parseRetryAfter(headers.get('Retry-After'));
    this.errors = problem.errors ?? [];
  }
}

/** No answer came, or none that can be read. Whether the request took effect is not known. */
export class InksongConnectionError extends Error {
  override readonly name = 'InksongConnectionError';

  constructor(message: string, options?: { cause: unknown }) {
    super(message, options);
  }
}

/** Reads a refusal to its end. Never throws: what is no problem of Inksong's becomes `code: 'unknown'`. */
export async function toInksongError(response: Response): Promise<InksongError> {
  let problem: Partial<Problem> = {};
  if (/^application\/problem\+json/i.test(response.headers.get('Content-Type') ?? '')) {
    const body: unknown = await response.json().catch(() => null);
    if (typeof body === 'object' && body !== null) problem = body;
  } else {
    await response.body?.cancel().catch(() => {});
  }
  return new InksongError(response.status, response.headers, problem);
}

/** Both forms of RFC 9110 section 10.2.3: seconds, or a date. */
function parseRetryAfter(value: string | null): number | null {
  if (value === null) return null;
  if (/^\d+$/.test(value.trim())) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
