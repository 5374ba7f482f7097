const units = ['kB', 'MB', 'GB', 'TB'];

/** Returns a number of bytes for people: "812 bytes", "4.2 kB", "25 MB"; a kB is 1,000 bytes, as in file managers. */
export function byteText(bytes: number, locale?: string): string {
  if (bytes < 1_000) return exactByteText(bytes, locale);
  let value = bytes;
  let unit = '';
  for (const next of units) {
    if (roundedUp(value) < 1_000 && unit !== '') break;
    value /= 1_000;
    unit = next;
  }
  const format = new Intl.NumberFormat(locale, { maximumFractionDigits: value < 10 ? 1 : 0 });
  return `${format.format(value)} ${unit}`;
}

/** Returns every byte of it: "4,213 bytes". */
export function exactByteText(bytes: number, locale?: string): string {
  return `${new Intl.NumberFormat(locale).format(bytes)} ${bytes === 1 ? 'byte' : 'bytes'}`;
}

/** 999.6 kB would be shown as 1,000 kB: that is 1 MB. */
function roundedUp(value: number): number {
  return Math.round(value);
}
