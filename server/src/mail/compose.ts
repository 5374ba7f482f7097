import { type Letter, type Paragraph, wordingOf } from './letters.ts';
import type { Mail } from './mail.ts';

/** Returns a letter as a mail to `recipient`, as text and as HTML. */
export function composeMail(recipient: string, letter: Letter): Mail {
  const { subject, paragraphs } = wordingOf(letter);
  return {
    recipient,
    subject,
    text: `${paragraphs.map(textOf).join('\n\n')}\n`,
    html: `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head><body style="font-family: sans-serif; line-height: 1.5; max-width: 36em">\n${paragraphs.map(htmlOf).join('\n')}\n</body></html>\n`,
  };
}

function textOf(paragraph: Paragraph): string {
  return typeof paragraph === 'string' ? paragraph : `  ${paragraph.link}`;
}

function htmlOf(paragraph: Paragraph): string {
  if (typeof paragraph === 'string') return `<p>${escapeHtml(paragraph)}</p>`;
  const link = escapeHtml(paragraph.link);
  return `<p><a href="${link}">${link}</a></p>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
