import type { Duplex } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { AppError, type ErrorCode, type FieldError, pointerTo } from '../app-error.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Gives refusals another status, for callers that understand but a few; X-Inksong-Reason then has the code. */
    refusalStatus?: (status: number) => number;
  }
}

interface ProblemKind {
  status: number;
  title: string;
}

/** The one place that gives an error code its HTTP status; it does not compile while a code is missing. */
export const problemKinds: Record<ErrorCode, ProblemKind> = {
  invalid_request: { status: 400, title: 'The request cannot be understood' },
  link_invalid: { status: 400, title: 'The mailed link is not good any more' },
  invalid_credentials: { status: 401, title: 'No valid credentials' },
  session_required: { status: 403, title: 'An API key cannot do this; sign in' },
  api_key_required: { status: 403, title: 'A Bearer token cannot do this; send an API key' },
  reauthentication_required: { status: 403, title: 'The password must be proved again' },
  origin_not_allowed: { status: 403, title: 'Not allowed from this origin' },
  key_in_browser: { status: 403, title: 'An API key does not belong in a browser' },
  address_not_allowed: { status: 403, title: 'This API key is not allowed from this address' },
  signup_closed: { status: 403, title: 'Sign-up is by invitation' },
  https_required: { status: 403, title: 'Only https is served here' },
  not_found: { status: 404, title: 'There is nothing here' },
  method_not_allowed: { status: 405, title: 'This method is not supported here' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  email_taken: { status: 409, title: 'This e-mail address has an account' },
  idempotency_in_progress: { status: 409, title: 'The same request is still in progress' },
  precondition_failed: { status: 412, title: 'The document has changed' },
  content_too_large: { status: 413, title: 'Too large' },
  unsupported_media_type: { status: 415, title: 'This content type is not supported here' },
  range_not_satisfiable: { status: 416, title: 'The range lies outside the document' },
  validation_failed: { status: 422, title: 'Something in the request is not allowed' },
  idempotency_key_reused: { status: 422, title: 'This Idempotency-Key was used for another request' },
  rate_limited: { status: 429, title: 'Too many requests; wait' },
  headers_too_large: { status: 431, title: 'The request headers are too large' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  overloaded: { status: 503, title: 'Too busy at this moment' },
  unavailable: { status: 503, title: 'The database cannot be reached' },
  not_ready: { status: 503, title: 'Requests should be sent elsewhere' },
  quota_exceeded: { status: 507, title: 'The account has no room left' },
  storage_full: { status: 507, title: 'The server has no room left' },
};

/** RFC 9457 problem details. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  request_id: string;
  errors?: FieldError[];
}

const contentType = 'application/problem+json; charset=utf-8';
/** A body with a thousand faults is answered with the first few. */
const listedErrors = 20;

export function problemOf(error: AppError, requestId: string, publicUrl: string): Problem {
  const { status, title } = problemKinds[error.code];
  const errors = error.errors?.slice(0, listedErrors);
  return {
    type: `${publicUrl}/docs/errors#${error.code}`,
    title,
    status,
    detail:
      error.detail ??
      errors?.map(({ pointer, detail }) => `${pointer || 'The body'}: ${detail}`).join(' ') ??
      `${title}.`,
    code: error.code,
    request_id: requestId,
    ...(errors && { errors }),
  };
}

export function sendProblem(reply: FastifyReply, error: AppError, publicUrl: string): FastifyReply {
  const problem = problemOf(error, reply.request.id, publicUrl);
  const { refusalStatus } = reply.request.routeOptions.config;
  if (refusalStatus) {
    problem.status = refusalStatus(problem.status);
    reply.header('X-Inksong-Reason', problem.code);
  }
  reply.code(problem.status).headers(error.headers).type(contentType);
  if (problem.status === 401 && !reply.hasHeader('WWW-Authenticate'))
    reply.header('WWW-Authenticate', 'Bearer realm="inksong"');
  const retryAfterSeconds = error.retryAfterSeconds ?? (problem.status === 503 ? 1 : undefined);
  if (retryAfterSeconds !== undefined) reply.header('Retry-After', String(retryAfterSeconds));
  return reply.serializer((payload) => payload as string).send(JSON.stringify(problem));
}

/** Answers what Node could not parse as HTTP: there is no request yet, only a socket. */
export function writeProblem(socket: Duplex, problem: Problem, headers: Record<string, string> = {}): void {
  if (!socket.writable) return void socket.destroy();
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `Content-Type: ${contentType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${problem.request_id}`,
    'Connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

interface FrameworkError {
  code?: string;
  statusCode?: number;
  message: string;
  validation?: { instancePath: string; keyword: string; message?: string; params: Record<string, unknown> }[];
  validationContext?: string;
}

/** Turns whatever was thrown into an AppError; what is not known to be the caller's fault is ours. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const error = thrown as FrameworkError;
  if (error.validation) {
    // An id of the wrong form is an id that does not exist.
    if (error.validationContext === 'params') return new AppError('not_found');
    return new AppError('validation_failed', { errors: error.validation.map(toFieldError) });
  }
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('unsupported_media_type');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('content_too_large');
    case 'HPE_HEADER_OVERFLOW':
      return new AppError('headers_too_large');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new AppError('request_timeout');
    default:
      return error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500
        ? new AppError('invalid_request', { cause: thrown })
        : new AppError('internal_error', { cause: thrown });
  }
}

function toFieldError(fault: NonNullable<FrameworkError['validation']>[number]): FieldError {
  const { instancePath, keyword, message, params } = fault;
  if (keyword === 'additionalProperties') {
    return {
      pointer: instancePath + pointerTo(String(params.additionalProperty)),
      detail: 'Is not a field of this request.',
    };
  }
  if (keyword === 'required')
    return { pointer: instancePath + pointerTo(String(params.missingProperty)), detail: 'Is missing.' };
  return { pointer: instancePath, detail: `${capitalise(message ?? 'is not allowed')}.` };
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
