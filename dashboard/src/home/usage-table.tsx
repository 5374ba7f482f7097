import { type Chart, type Counts, parts } from './usage-bars.ts';
import { dayText, numberText } from './usage-text.ts';

const columns = [...parts, 'total'] as const;
const headings: Record<(typeof columns)[number], string> = {
  key: 'Key',
  bearer: 'Bearer',
  refused: 'Refused',
  failed: 'Failed',
  total: 'All',
};

/** The chart's numbers, newest day first. */
export function UsageTable({ chart: { bars, totals } }: { chart: Chart }) {
  const days = bars.filter(({ total }) => total > 0).reverse();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section tabIndex={0} aria-label="Requests a day" className="max-h-96 overflow-auto rounded-lg border border-line">
      <table className="w-full text-right text-xs tabular-nums sm:text-sm">
        <caption className="sr-only">Requests a day, newest first; days without a request are left out</caption>
        <thead className="sticky top-0 bg-sunken">
          <tr>
            <th scope="col" className="px-1.5 py-2 text-left font-medium sm:px-4">
              Day (UTC)
            </th>
            {columns.map((column) => (
              <th key={column} scope="col" className="px-1.5 py-2 font-medium sm:px-4">
                {headings[column]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days.map((bar) => (
            <Row key={bar.day} heading={dayText(bar.day)} counts={bar} />
          ))}
        </tbody>
        <tfoot className="font-medium">
          <Row heading="All" counts={totals} />
        </tfoot>
      </table>
    </section>
  );
}

function Row({ heading, counts }: { heading: string; counts: Counts }) {
  return (
    <tr className="border-t border-line">
      <th scope="row" className="px-1.5 py-2 text-left font-normal whitespace-nowrap sm:px-4">
        {heading}
      </th>
      {columns.map((column) => (
        <td key={column} className="px-1.5 py-2 sm:px-4">
          {numberText(counts[column])}
        </td>
      ))}
    </tr>
  );
}
