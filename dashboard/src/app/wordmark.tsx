import icon from './icon.svg';

export function Wordmark() {
  return (
    <span className="flex items-center gap-2 font-serif text-xl tracking-tight">
      <img src={icon} alt="" width={26} height={26} />
      Inksong
    </span>
  );
}
