import type { Counts } from './usage-bars.ts';

/** Returns a number as the reader writes it. */
export function numberText(count: number, locale?: string): string {
  return new Intl.NumberFormat(locale).format(count);
}

/** Returns a UTC day such as `2026-01-31` in the reader's language: "Jan 31". */
export function dayText(day: string, locale?: string): string {
  const format = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone: 'UTC' });
  return format.format(new Date(`${day}T00:00:00Z`));
}

/** Returns counts in words: "12 requests: 9 with the key, 1 with Bearer tokens, 2 refused". */
export function countsText({ key, bearer, refused, failed, total }: Counts, locale?: string): string {
  if (total === 0) return 'No requests';
  const shares = [
    `${numberText(key, locale)} with the key`,
    `${numberText(bearer, locale)} with Bearer tokens`,
    `${numberText(refused, locale)} refused`,
    ...(failed > 0 ? [`${numberText(failed, locale)} failed`] : []),
  ];
  return `${numberText(total, locale)} ${total === 1 ? 'request' : 'requests'}: ${shares.join(', ')}`;
}
