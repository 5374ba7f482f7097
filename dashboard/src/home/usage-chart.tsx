import { type PointerEvent, useState } from 'react';
import { type Bar, type Chart, type Part, parts } from './usage-bars.ts';
import { countsText, dayText, numberText } from './usage-text.ts';

const looks: Record<Part, { label: string; fill: string; swatch: string }> = {
  key: { label: 'With the key', fill: 'fill-accent', swatch: 'bg-accent' },
  bearer: { label: 'With Bearer tokens', fill: 'fill-edge', swatch: 'bg-edge' },
  refused: { label: 'Refused (4xx)', fill: 'fill-warn', swatch: 'bg-warn' },
  failed: { label: 'Failed (5xx)', fill: 'fill-danger', swatch: 'bg-danger' },
};
/** A single refusal among thousands must not vanish: the least height of a part, as a share of the axis. */
const leastHeight = 0.012;
const labelEveryDays = 7;

/** A bar for each day. Pointing at one, or going along them with the arrow keys, tells its numbers below. */
export function UsageChart({ chart: { bars, ticks, totals } }: { chart: Chart }) {
  const last = bars.length - 1;
  const [chosen, setChosen] = useState(last);
  const bar = bars[chosen] ?? bars[last];
  const top = ticks.at(-1) ?? 1;
  function point(event: PointerEvent<HTMLInputElement>): void {
    const share = event.nativeEvent.offsetX / event.currentTarget.clientWidth;
    setChosen(Math.min(last, Math.max(0, Math.floor(share * bars.length))));
  }
  return (
    <div>
      <ul className="mb-4 flex flex-wrap gap-x-5 gap-y-1.5 text-sm">
        {parts.map((part) => (
          <li key={part} className="flex items-center gap-2">
            <span className={`size-3 rounded-xs ${looks[part].swatch}`} aria-hidden />
            {looks[part].label}
          </li>
        ))}
      </ul>
      <div className="flex">
        <div className="relative mr-2 h-44 min-w-6 text-right text-xs text-muted tabular-nums" aria-hidden>
          {/* Gives the column the width of its longest number. */}
          <span className="invisible">{numberText(top)}</span>
          {ticks.map((tick) => (
            <span key={tick} className="absolute right-0 translate-y-1/2" style={{ bottom: percent(tick / top) }}>
              {numberText(tick)}
            </span>
          ))}
        </div>
        <div className="relative mr-3 mb-6 h-44 min-w-0 grow">
          <Bars
            bars={bars}
            ticks={ticks.map((tick) => tick / top)}
            chosen={chosen}
            text={`Bar chart. ${countsText(totals)}.`}
          />
          <input
            type="range"
            min={0}
            max={last}
            value={chosen}
            aria-label="Day (UTC)"
            aria-valuetext={bar && sayDay(bar)}
            onChange={(event) => setChosen(event.currentTarget.valueAsNumber)}
            onPointerMove={point}
            onPointerDown={point}
            className="peer absolute inset-0 size-full cursor-crosshair opacity-0"
          />
          <span
            className="pointer-events-none absolute -inset-1 rounded outline-2 outline-transparent peer-focus-visible:outline-accent"
            aria-hidden
          />
          <div className="text-xs text-muted" aria-hidden>
            {bars.map(({ day }, index) =>
              (last - index) % labelEveryDays === 0 ? (
                <span
                  key={day}
                  className="absolute top-full mt-1.5 -translate-x-1/2 whitespace-nowrap"
                  style={{ left: percent((index + 0.5) / bars.length) }}
                >
                  {dayText(day)}
                </span>
              ) : null,
            )}
          </div>
        </div>
      </div>
      <p className="mt-2 min-h-10 text-sm sm:min-h-5">{bar && sayDay(bar)}</p>
    </div>
  );
}

/** As wide as there is room: bars have no proportions to keep, and nothing in here is text. */
function Bars({ bars, ticks, chosen, text }: { bars: readonly Bar[]; ticks: number[]; chosen: number; text: string }) {
  return (
    <svg
      role="img"
      aria-label={text}
      viewBox={`0 0 ${bars.length} 1`}
      preserveAspectRatio="none"
      className="absolute inset-0 size-full overflow-visible"
    >
      <rect x={chosen} y={0} width={1} height={1} className="fill-sunken" />
      {ticks.map((tick) => (
        <line
          key={tick}
          x1={0}
          x2={bars.length}
          y1={1 - tick}
          y2={1 - tick}
          className="stroke-line"
          vectorEffect="non-scaling-stroke"
        />
      ))}
      {bars.map(({ day, segments }, index) =>
        segments.map(({ part, from, height }) => (
          <rect
            key={`${day} ${part}`}
            x={index + 0.12}
            width={0.76}
            y={1 - from - Math.max(height, leastHeight)}
            height={Math.max(height, leastHeight)}
            className={looks[part].fill}
          />
        )),
      )}
    </svg>
  );
}

function sayDay(bar: Bar): string {
  return `${dayText(bar.day)}: ${countsText(bar)}.`;
}

function percent(share: number): string {
  return `${share * 100}%`;
}
