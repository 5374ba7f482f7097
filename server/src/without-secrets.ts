/** Replaces keys, access tokens and refresh tokens that somebody put into a text by mistake, percent-encoded or not. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/ink_[0-9a-f%]{8,}/gi, 'ink_[redacted]')
    .replace(/(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '[redacted]')
    .replace(/[\w%-]{43,}/g, (run) => (isWords(run) ? run : '[redacted]'));
}

/** Tells words joined by dashes from a token, which mixes cases and digits: of random ones, fewer than one in a million million passes. */
function isWords(run: string): boolean {
  return run.split(/[-_]/).every((part) => /^(?:[A-Za-z]?[a-z]{0,19}|[A-Z]{1,20}|\d{1,8})$/.test(part));
}
