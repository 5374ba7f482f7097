import { type BundledLanguage, codeToTokens, createCssVariablesTheme } from 'shiki';
import { escapeHtml } from './html.ts';

/** Says what each kind of token is, as `var(--token-…)`, instead of a colour; site.css has the colours. */
const theme = createCssVariablesTheme({ name: 'kinds', variablePrefix: '--', fontStyle: false });

/** The languages of the pages' samples, by the word after the fence, with what readers call them. */
const languages: Record<string, { grammar: BundledLanguage | 'text'; title: string }> = {
  '': { grammar: 'text', title: 'Text' },
  sh: { grammar: 'shellscript', title: 'Shell' },
  python: { grammar: 'python', title: 'Python' },
  js: { grammar: 'javascript', title: 'JavaScript' },
  ts: { grammar: 'typescript', title: 'TypeScript' },
  json: { grammar: 'json', title: 'JSON' },
  http: { grammar: 'http', title: 'HTTP' },
  nginx: { grammar: 'nginx', title: 'nginx' },
  caddy: { grammar: 'text', title: 'Caddyfile' },
  haproxy: { grammar: 'text', title: 'HAProxy' },
  lua: { grammar: 'lua', title: 'Lua' },
  yaml: { grammar: 'yaml', title: 'YAML' },
  sql: { grammar: 'sql', title: 'SQL' },
  text: { grammar: 'text', title: 'Text' },
  env: { grammar: 'dotenv', title: '.env' },
};

export interface Highlighted {
  html: string;
  /** What to call the language. */
  title: string;
}

/** Returns code as HTML whose tokens have classes, since the pages allow no inline styles. Throws on an unknown language. */
export async function highlight(code: string, language: string): Promise<Highlighted> {
  const known = languages[language];
  if (!known) throw new Error(`No grammar is chosen for "${language}"; highlight.ts lists them.`);
  const { tokens } = await codeToTokens(code, { lang: known.grammar, theme });
  const lines = tokens.map((line) =>
    line
      .map(({ content, color = '' }) => {
        const kind = /^var\(--token-([a-z-]+)\)$/.exec(color)?.[1];
        return kind === undefined ? escapeHtml(content) : `<span class="token-${kind}">${escapeHtml(content)}</span>`;
      })
      .join(''),
  );
  return { html: lines.join('\n'), title: known.title };
}
