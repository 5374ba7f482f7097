/** Holds the place of something that is on its way; `className` gives its height, so that nothing jumps when it comes. */
export function Loading({ label, className = 'h-32' }: { label: string; className?: string }) {
  return (
    <div role="status" className={`animate-pulse rounded-lg bg-sunken ${className}`}>
      <span className="sr-only">{label}</span>
    </div>
  );
}
