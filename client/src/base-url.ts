/**
 * Returns the absolute address, without a slash at its end, below which `/api/v1` is; in browsers a relative one is
 * of the page's own origin. Throws TypeError for what is no http(s) address, without repeating it: people paste
 * addresses with passwords in them.
 */
export function resolveBaseUrl(baseUrl: string): string {
  const origin = (globalThis as { location?: { origin: string } }).location?.origin;
  let url: URL;
  try {
    url = new URL(baseUrl === '' ? '/' : baseUrl, origin);
  } catch {
    throw new TypeError('baseUrl must be an absolute address, such as https://inksong.example.com.');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError('baseUrl must begin with https://.');
  if (url.username !== '' || url.password !== '') throw new TypeError('baseUrl must not hold a name or a password.');
  return url.origin + url.pathname.replace(/\/+$/, '');
}
