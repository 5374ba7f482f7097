import type { LineFault } from './address-lines.ts';

/** What is wrong with the lines; each number leads to its line. */
export function LineFaults({ id, faults, onGoTo }: LineFaultsProps) {
  return (
    <ul id={id} aria-live="polite" className="flex flex-col text-sm text-danger">
      {faults.map(({ line, detail }) => (
        <li key={`${line} ${detail}`} className="flex items-baseline gap-2">
          {line !== null && (
            <button
              type="button"
              onClick={() => onGoTo(line)}
              className="min-h-8 shrink-0 rounded font-medium underline underline-offset-4"
            >
              Line {line}
            </button>
          )}
          <span className="min-w-0 break-words">{detail}</span>
        </li>
      ))}
    </ul>
  );
}

interface LineFaultsProps {
  id: string;
  faults: readonly LineFault[];
  onGoTo: (line: number) => void;
}
