// The pages work without this script: it remembers the theme, shared with the dashboard, and copies samples.

const themes = ['system', 'light', 'dark'];
const root = document.documentElement;
// At once, before the first paint, so that nothing flashes in the other theme.
try {
  root.dataset.theme = localStorage.getItem('theme') ?? 'system';
} catch {
  // Storage may be forbidden.
}

document.addEventListener('DOMContentLoaded', () => {
  offerThemes();
  foldMenu();
  for (const button of document.querySelectorAll('button.copy')) {
    if (button instanceof HTMLButtonElement) offerCopy(button);
  }
});

function offerThemes() {
  const button = document.querySelector('#theme');
  const shown = button?.querySelector('span');
  if (!(button instanceof HTMLButtonElement) || !shown) return;
  shown.textContent = root.dataset.theme ?? 'system';
  button.hidden = false;
  button.addEventListener('click', () => {
    const next = themes[(themes.indexOf(root.dataset.theme ?? 'system') + 1) % themes.length] ?? 'system';
    root.dataset.theme = next;
    shown.textContent = next;
    try {
      localStorage.setItem('theme', next);
    } catch {
      // The theme then lasts as long as the page.
    }
  });
}

/** The list of pages is open without a script; on a narrow screen it would push the page away. */
function foldMenu() {
  const menu = document.querySelector('details.menu');
  const wide = matchMedia('(min-width: 60rem)');
  if (!(menu instanceof HTMLDetailsElement)) return;
  const fit = () => {
    menu.open = wide.matches;
  };
  wide.addEventListener('change', fit);
  fit();
}

/** @param {HTMLButtonElement} button */
function offerCopy(button) {
  const pre = button.closest('.sample')?.querySelector('pre');
  const told = document.querySelector('#told');
  if (!pre || !told) return;
  button.hidden = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  button.addEventListener('click', async () => {
    let outcome = 'Copied';
    try {
      await navigator.clipboard.writeText(pre.textContent);
    } catch {
      // No permission, or no clipboard at all: plain http on another host.
      outcome = 'Select it by hand';
      getSelection()?.selectAllChildren(pre);
    }
    button.textContent = outcome;
    told.textContent = `${outcome}.`;
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.textContent = 'Copy';
      told.textContent = '';
    }, 2_000);
  });
}
