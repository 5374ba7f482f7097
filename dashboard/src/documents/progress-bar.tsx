import { Progress } from '@base-ui/react/progress';

/** How far something is, in per cent; null while nobody can tell. */
export function ProgressBar({ label, percent }: { label: string; percent: number | null }) {
  return (
    <Progress.Root value={percent} aria-label={label} className="flex items-center gap-3">
      <Progress.Track className="h-1.5 grow overflow-hidden rounded-full bg-sunken">
        <Progress.Indicator className="h-full rounded-full bg-accent transition-[width] data-indeterminate:w-1/3 data-indeterminate:animate-pulse" />
      </Progress.Track>
      <span className="w-10 text-right text-xs text-muted tabular-nums" aria-hidden>
        {percent === null ? '' : `${percent} %`}
      </span>
    </Progress.Root>
  );
}
