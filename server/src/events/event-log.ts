import type { EventLog } from '../log.ts';
import type { GatheredRefusals, NewEvent } from './event.ts';

/** Writes the line of an event, under the names that the audit log has for its parts. */
export function logEvent(log: EventLog, event: NewEvent): void {
  log[event.kind === 'refresh_reuse' ? 'warn' : 'info'](
    {
      event: event.kind,
      account_id: event.accountId,
      address: event.address,
      user_agent: event.userAgent,
      session_id: event.sessionId,
      api_key_id: event.apiKeyId,
      details: event.details,
      ...(event.requestId !== undefined && { request_id: event.requestId }),
    },
    'event',
  );
}

/** Writes one line for refusals of a kind; `count` says how many they were. */
export function logRefusals(log: EventLog, refusals: GatheredRefusals): void {
  log.warn(
    {
      event: refusals.kind,
      account_id: refusals.accountId,
      address: refusals.address,
      user_agent: refusals.userAgent,
      api_key_id: refusals.apiKeyId,
      count: refusals.count,
    },
    'event',
  );
}
