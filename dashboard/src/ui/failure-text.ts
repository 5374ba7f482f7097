import { InksongConnectionError, InksongError } from '@inksong/client';

/** Returns what to tell a person about something that did not work, and what they can do. */
export function failureText(error: unknown): string {
  if (error instanceof InksongConnectionError)
    return 'The server cannot be reached. Check your connection and try again.';
  if (error instanceof InksongError) {
    if (error.status === 429) return `Too many tries. ${waitText(error.retryAfterSeconds)}`;
    if (error.status >= 500) {
      return `The server could not answer. ${waitText(error.retryAfterSeconds)} If it goes on, mention ${error.requestId ?? 'the time'} to whoever runs it.`;
    }
    return error.detail;
  }
  return 'Something went wrong on this page. Load it again.';
}

function waitText(seconds: number | null): string {
  if (seconds === null || seconds <= 1) return 'Try again in a moment.';
  if (seconds < 120) return `Try again in ${seconds} seconds.`;
  return `Try again in ${Math.ceil(seconds / 60)} minutes.`;
}

/** Returns what the server says of one field of the body, such as `/email`; undefined when it says nothing of it. */
export function fieldFailure(error: unknown, pointer: string): string | undefined {
  if (!(error instanceof InksongError)) return undefined;
  return error.errors.find((each) => each.pointer === pointer)?.detail;
}
