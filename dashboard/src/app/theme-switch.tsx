import { Monitor, Moon, Sun } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../ui/button.tsx';

const themes = ['system', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];

const icons = { system: Monitor, light: Sun, dark: Moon };

/** Goes round the three themes; index.html sets the remembered one before the first paint. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(
    () => themes.find((each) => each === document.documentElement.dataset.theme) ?? 'system',
  );
  const Icon = icons[theme];
  function choose(next: Theme): void {
    setTheme(next);
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem('theme', next);
    } catch {
      // Storage may be forbidden; the theme then lasts as long as the page.
    }
  }
  return (
    <Button
      kind="quiet"
      className="justify-start! gap-2.5! px-3! text-muted"
      onClick={() => choose(themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system')}
    >
      <Icon size={18} aria-hidden />
      <span className="sr-only">Theme: </span>
      <span className="capitalize max-sm:sr-only">{theme}</span>
    </Button>
  );
}
