import { useNavigate } from '@tanstack/react-router';
import { Search, X } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';

const pauseMs = 250;

/** Searches by title. The address holds what is searched for, so that it can be reloaded, kept and gone back to. */
export function SearchField({ q }: { q: string }) {
  const id = useId();
  const navigate = useNavigate();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(q);
  const asked = useRef(q);
  /** While one goes on typing there is one entry in the history, not one a pause. */
  const isTyping = useRef(false);
  useEffect(() => {
    // The address has changed by itself: back, forward, a link.
    if (q !== asked.current) setText(q);
    asked.current = q;
  }, [q]);
  useEffect(() => {
    if (text === asked.current) return;
    const timer = setTimeout(() => search(text), text === '' ? 0 : pauseMs);
    return () => clearTimeout(timer);
  });

  function search(wanted: string): void {
    asked.current = wanted;
    const search = { q: wanted === '' ? undefined : wanted };
    void navigate({ to: '/documents', search, replace: isTyping.current, resetScroll: false });
    isTyping.current = true;
  }

  return (
    <search className="relative w-full sm:w-72">
      <label htmlFor={id} className="sr-only">
        Search by title
      </label>
      <Search size={18} className="pointer-events-none absolute top-3 left-3 text-muted" aria-hidden />
      <input
        ref={input}
        id={id}
        type="text"
        inputMode="search"
        enterKeyHint="search"
        autoComplete="off"
        maxLength={200}
        placeholder="Search by title"
        value={text}
        onChange={({ currentTarget }) => setText(currentTarget.value)}
        onBlur={() => {
          isTyping.current = false;
        }}
        className="min-h-10 w-full rounded-lg border border-edge bg-surface py-2 pr-11 pl-10 text-base placeholder:text-muted sm:text-sm"
      />
      {text !== '' && (
        <button
          type="button"
          aria-label="Clear the search"
          onClick={() => {
            setText('');
            input.current?.focus();
          }}
          className="absolute inset-y-0 right-0 grid w-10 place-items-center rounded-lg text-muted hover:text-ink"
        >
          <X size={18} aria-hidden />
        </button>
      )}
    </search>
  );
}
