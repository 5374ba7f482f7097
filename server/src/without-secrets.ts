/** Replaces keys, access tokens and refresh tokens that somebody put into a text by mistake, percent-encoded or not. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/ink_[0-9a-f%]{8,}/gi, 'ink_[redacted]')
    .replace(/(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '[redacted]')
    .replace(/[\w%-]{43,}/g, '[redacted]');
}
