import type { Access } from './access.ts';
import { type Answer, Unanswered } from './decision-endpoint.ts';
import type { Principal } from './principal.ts';

interface Refusal {
  status: number;
  headers: Record<string, string | string[]>;
  body: Buffer;
}

export type Verdict = { principal: Principal } | { refusal: Refusal };

/** What the client has to change: form, credentials, access, patience, the size of its headers. */
const refusals = [400, 401, 403, 429, 431];
const handedOn = ['content-type', 'www-authenticate', 'retry-after', 'ratelimit', 'ratelimit-policy'];

/** Returns what an answer says. Throws Unanswered for one that Inksong would not give: it lets nobody in. */
export function verdictOf({ status, headers, body }: Answer, access: Exclude<Access, 'public'>): Verdict {
  const [retryAfter = ''] = headers['retry-after'] ?? [];
  const [contentType = ''] = headers['content-type'] ?? [];
  if (status === 200) {
    const principal = principalIn(headers);
    if (!principal || (access !== 'both' && principal.scheme !== access.replace('-', '_'))) {
      throw new Unanswered('it answered 200 without saying who is calling: is there an Inksong at this url?');
    }
    return { principal };
  }
  if (refusals.includes(status) && contentType.startsWith('application/problem+json')) {
    const named = handedOn.flatMap((name) => {
      const [value, ...more] = headers[name] ?? [];
      return value === undefined ? [] : [[name, more.length === 0 ? value : [value, ...more]] as const];
    });
    return { refusal: { status, headers: { ...Object.fromEntries(named), 'cache-control': 'no-store' }, body } };
  }
  const reason = status < 500 ? `it answered ${status}: is there an Inksong at this url?` : `it answered ${status}`;
  throw new Unanswered(reason, /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : null);
}

/** Returns who the headers of an answer name; null unless each is there, once, and they agree. */
function principalIn(headers: Answer['headers']): Principal | null {
  const only = (name: string): string | null => {
    const [value = null, ...more] = headers[name] ?? [];
    return more.length === 0 ? value : null;
  };
  const accountId = only('x-inksong-user-id');
  const email = decoded(only('x-inksong-user') ?? '');
  const scheme = only('x-inksong-scheme');
  const apiKeyId = only('x-inksong-key-id');
  if (!accountId || !email || apiKeyId === null) return null;
  if (scheme === 'api_key' && apiKeyId !== '') return { accountId, email, scheme, apiKeyId };
  if (scheme === 'bearer' && apiKeyId === '') return { accountId, email, scheme, apiKeyId: null };
  return null;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
