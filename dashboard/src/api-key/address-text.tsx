import { type Ref, useId, useState } from 'react';

/** Lines that are shown without scrolling. */
const shownLines = 8;

/** A text field whose lines are numbered, and marked where something is wrong with them. */
export function AddressText({ ref, text, faultyLines, faultsId, onChange }: AddressTextProps) {
  const id = useId();
  const [scrollTop, setScrollTop] = useState(0);
  const lines = text.split('\n').map((_line, index) => index + 1);
  return (
    <div>
      <label htmlFor={id} className="mb-1.5 block text-sm font-medium">
        Addresses, one a line
      </label>
      <div
        className={`relative overflow-hidden rounded-lg border bg-surface has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent ${faultsId ? 'border-danger' : 'border-edge'}`}
      >
        {/* Behind the text, and moved with it: a text field itself cannot mark a line. */}
        <div aria-hidden className="absolute inset-x-0 top-0 py-2" style={{ transform: `translateY(${-scrollTop}px)` }}>
          {lines.map((line) => (
            <div
              key={line}
              data-line={line}
              className={`h-6 w-full pr-2 text-sm leading-6 select-none ${faultyLines.has(line) ? 'bg-danger-soft font-bold text-danger' : 'text-muted'}`}
            >
              <span className="block w-10 text-right font-mono text-xs leading-6">{line}</span>
            </div>
          ))}
        </div>
        <textarea
          ref={ref}
          id={id}
          value={text}
          rows={Math.min(Math.max(lines.length + 1, 4), shownLines)}
          wrap="off"
          spellCheck={false}
          autoCapitalize="none"
          autoCorrect="off"
          autoComplete="off"
          placeholder={'203.0.113.0/24\n2001:db8::7'}
          aria-invalid={faultsId !== undefined}
          aria-describedby={[`${id}hint`, faultsId].filter(Boolean).join(' ')}
          onChange={(event) => onChange(event.target.value)}
          onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
          className="relative block w-full resize-y bg-transparent py-2 pr-3 pl-13 font-mono text-base/6 outline-none placeholder:text-muted sm:text-sm/6"
        />
      </div>
      <p id={`${id}hint`} className="mt-1.5 text-sm text-muted">
        IPv4 and IPv6, single addresses or ranges such as <span className="font-mono text-[0.8125rem]">10.0.0.0/8</span>
        .
      </p>
    </div>
  );
}

interface AddressTextProps {
  ref: Ref<HTMLTextAreaElement>;
  text: string;
  faultyLines: ReadonlySet<number | null>;
  /** The element that says what is wrong; undefined while nothing is. */
  faultsId: string | undefined;
  onChange: (text: string) => void;
}
