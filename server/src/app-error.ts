/** Every way in which Inksong refuses. The HTTP status and title of each stand in http/problem.ts. */
export type ErrorCode =
  | 'invalid_request'
  | 'link_invalid'
  | 'invalid_credentials'
  | 'session_required'
  | 'api_key_required'
  | 'reauthentication_required'
  | 'origin_not_allowed'
  | 'key_in_browser'
  | 'address_not_allowed'
  | 'signup_closed'
  | 'https_required'
  | 'not_found'
  | 'request_timeout'
  | 'method_not_allowed'
  | 'email_taken'
  | 'idempotency_in_progress'
  | 'precondition_failed'
  | 'content_too_large'
  | 'unsupported_media_type'
  | 'range_not_satisfiable'
  | 'validation_failed'
  | 'idempotency_key_reused'
  | 'rate_limited'
  | 'headers_too_large'
  | 'internal_error'
  | 'overloaded'
  | 'unavailable'
  | 'not_ready'
  | 'quota_exceeded'
  | 'storage_full';

/** One thing wrong with a request body, query or path: where (RFC 6901 JSON Pointer) and what to change. */
export interface FieldError {
  pointer: string;
  detail: string;
}

/** Returns the JSON Pointer to a field of that name (RFC 6901 section 3); whoever chose the name may have made it long. */
export function pointerTo(name: string): string {
  return `/${name.slice(0, 100).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export interface AppErrorOptions {
  /** Shown to the caller: says what to change. Must hold no secret and no internals. */
  detail?: string;
  /** Logged, never shown. */
  cause?: unknown;
  errors?: FieldError[];
  /** Seconds after which trying again makes sense. */
  retryAfterSeconds?: number;
  /** Further response headers, such as `Allow` or `Content-Range`. */
  headers?: Record<string, string>;
}

/** A refusal. Absence is `null`; whoever throws this has decided against the request. */
export class AppError extends Error {
  override name = 'AppError';
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly errors: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Record<string, string>;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.detail ?? code, { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
  }
}
