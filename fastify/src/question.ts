import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';

/**
 * The credentials; what browsers add to every request that a page sends, since Inksong refuses keys from there; and the
 * device that the audit log names.
 */
const handedOn = new Set(['x-api-key', 'authorization', 'sec-fetch-site', 'origin', 'user-agent']);

/**
 * Returns the header lines of a question, names and values in turn: what of the request decides, line by line as it
 * arrived, so that Inksong sees a header that came twice; and who the request comes from, by the app's own judgement.
 */
export function questionOf(request: FastifyRequest): string[] {
  const lines: string[] = [];
  const { rawHeaders } = request.raw;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
    if (handedOn.has(name.toLowerCase())) lines.push(name, value);
  }
  const address = addressOf(request);
  const scheme = schemeOf(request);
  const node = isIPv6(address) ? `[${address}]` : address;
  // Both say the same; Inksong believes the one that it is set to believe.
  lines.push('X-Forwarded-For', address, 'X-Forwarded-Proto', scheme);
  lines.push('Forwarded', `for="${node}";proto=${scheme}`);
  return lines;
}

/**
 * Returns the client's address. What is no address is handed on as one that is not known, since without any, Inksong
 * would take this app for the client.
 */
function addressOf(request: FastifyRequest): string {
  // The zone of a link-local address means something on this machine only.
  const [address = ''] = (request.ip ?? '').split('%', 1);
  return /^[\w.:[\]-]+$/.test(address) ? address : 'unknown';
}

function schemeOf({ protocol }: FastifyRequest): 'https' | 'http' {
  return /^(https|wss)$/i.test(protocol ?? '') ? 'https' : 'http';
}

/**
 * Takes the credentials out of a request, Inksong's cookie too, and whatever names an Inksong identity: a handler that
 * passes headers on gives nobody a session away, and none that reads them believes the client.
 */
export function removeCredentials(message: IncomingMessage): void {
  // First, since Node makes these of the raw ones when they are first read, and counts on finding all of those.
  // The second is missing where the request is not Node's own HTTP/1 one.
  const parsed = [message.headers, message.headersDistinct ?? {}];
  const { rawHeaders } = message;
  for (let index = rawHeaders.length - 2; index >= 0; index -= 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
    if (isRemoved(name)) rawHeaders.splice(index, 2);
    else if (name.toLowerCase() === 'cookie') rawHeaders[index + 1] = withoutRefreshCookie(value);
  }
  for (const headers of parsed) {
    for (const name of Object.keys(headers)) if (isRemoved(name)) delete headers[name];
    const { cookie } = headers;
    if (typeof cookie === 'string') headers.cookie = withoutRefreshCookie(cookie);
    else if (cookie !== undefined) headers.cookie = cookie.map(withoutRefreshCookie);
  }
}

function isRemoved(name: string): boolean {
  return /^(x-api-key|authorization|.*inksong.*)$/i.test(name);
}

/** Browsers send it along to an app on Inksong's own host. */
function withoutRefreshCookie(cookies: string): string {
  return cookies
    .split(/; */)
    .filter((cookie) => !/^\s*__Host-inksong_refresh=/.test(cookie))
    .join('; ');
}
