import { randomBytes } from 'node:crypto';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { MailTransport } from './outbox.ts';
import type { Sender } from './smtp-url.ts';

/** Returns a transport that writes each mail as an .eml file, readable by this user alone, for whoever has no mail server. */
export function createFileTransport(directory: string, from: Sender): MailTransport {
  return {
    async send({ recipient, subject, text, html }) {
      // A server that sends no mail does without its two megabytes.
      const { createTransport } = await import('nodemailer');
      const transporter = createTransport({
        streamTransport: true,
        buffer: true,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      const { message } = await transporter.sendMail({
        from,
        to: { name: '', address: recipient },
        subject,
        text,
        html,
      });
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const time = new Date().toISOString().replace(/[:.]/g, '-');
      const path = join(directory, `${time}-${randomBytes(4).toString('hex')}.eml`);
      const draft = `${path}.part`;
      const file = await open(draft, 'wx', 0o600);
      try {
        await file.writeFile(message);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, path);
      return { file: path };
    },
  };
}
