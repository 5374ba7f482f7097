import { useId } from 'react';

const modes = [
  { isLimited: false, label: 'Any address', about: 'Whoever has the key can use it, wherever they are.' },
  { isLimited: true, label: 'Only these addresses', about: 'From anywhere else the key is answered 403.' },
];

/** The choice between any address and a list. */
export function AddressModes({ isLimited, onChange }: { isLimited: boolean; onChange: (isLimited: boolean) => void }) {
  const name = useId();
  return (
    <fieldset className="grid gap-3 sm:grid-cols-2">
      <legend className="mb-2 text-sm font-medium">The key may be used from</legend>
      {modes.map((mode) => (
        <label
          key={mode.label}
          className="flex cursor-pointer items-start gap-3 rounded-lg border border-edge p-3.5 has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent"
        >
          <input
            type="radio"
            name={name}
            checked={mode.isLimited === isLimited}
            onChange={() => onChange(mode.isLimited)}
            aria-describedby={`${name}${mode.isLimited}`}
            className="mt-0.5 size-4 shrink-0 accent-accent outline-none"
          />
          <span className="text-sm">
            <span className="font-medium">{mode.label}</span>
            <span id={`${name}${mode.isLimited}`} className="mt-0.5 block text-muted">
              {mode.about}
            </span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
