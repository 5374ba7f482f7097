import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { goodPassword, type TestAccount, type TestServer } from './boot.ts';

interface ReceivedMail {
  /** The envelope's recipients, whatever the headers say. */
  to: string[];
  /** As it came over the wire. */
  raw: string;
  headers: string;
  subject: string;
  text: string;
  html: string;
  /** The link to open, or null. */
  link: string | null;
  /** The token of that link, '' when there is none. */
  token: string;
}

export interface Mailbox {
  /** `smtp://127.0.0.1:PORT`, the same before and after it is up. */
  url: string;
  /** The settings that make a server mail here. */
  settings: { INKSONG_SMTP_URL: string; INKSONG_MAIL_FROM: string };
  /** In the order in which they were taken. */
  mails: ReceivedMail[];
  start(): Promise<void>;
  /** Resolves when this many mails are here. */
  until(count: number): Promise<void>;
  /** Refuses the next mails, with this reason, until it is null again. */
  refuseWith: string | null;
}

/** Returns a real SMTP server on loopback, up unless `down`; it is gone when the test ends. */
export async function openMailbox(t: TestContext, { down = false } = {}): Promise<Mailbox> {
  // Holds the port while the mail server is down: another test would be given one that is merely free.
  const placeholder = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(placeholder, 'listening');
  const { port } = placeholder.address() as AddressInfo;
  t.after(() => placeholder.close());
  const waiting = new Set<() => void>();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    onData(stream, session, done) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        const raw = Buffer.concat(pieces).toString();
        if (mailbox.refuseWith !== null) {
          const reason = mailbox.refuseWith.replace('LINK', parseMail(raw, []).link ?? '');
          return done(Object.assign(new Error(reason), { responseCode: 554 }));
        }
        mailbox.mails.push(
          parseMail(
            raw,
            session.envelope.rcptTo.map(({ address }) => address),
          ),
        );
        for (const look of waiting) look();
        done();
      });
    },
  });
  server.on('error', () => {});
  const url = `smtp://127.0.0.1:${port}`;
  const mailbox: Mailbox = {
    url,
    settings: { INKSONG_SMTP_URL: url, INKSONG_MAIL_FROM: 'Inksong <inksong@example.com>' },
    mails: [],
    refuseWith: null,
    async start() {
      placeholder.close();
      await once(server.listen(port, '127.0.0.1'), 'listening');
      t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
    },
    until: (count) =>
      new Promise((resolve, reject) => {
        // Only so that a red test ends.
        const giveUp = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`Of ${count} mails, ${mailbox.mails.length} came within a minute.`));
        }, 60_000);
        const look = (): void => {
          if (mailbox.mails.length < count) return;
          clearTimeout(giveUp);
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
  if (!down) await mailbox.start();
  return mailbox;
}

/** Reads a mail of one part of text and one of HTML (RFC 2045, RFC 2047 as far as Inksong's own mails go). */
export function parseMail(raw: string, to: string[]): ReceivedMail {
  const headers = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ');
  const boundary = /boundary="([^"]+)"/.exec(headers)?.[1] ?? 'no boundary';
  const parts = raw.split(`--${boundary}`);
  const part = (type: string): string => {
    const found = parts.slice(1).find((each) => each.includes(`Content-Type: ${type}`)) ?? '';
    const body = found.slice(found.indexOf('\r\n\r\n') + 4);
    if (/Content-Transfer-Encoding: base64/i.test(found)) return Buffer.from(body, 'base64').toString();
    return /Content-Transfer-Encoding: quoted-printable/i.test(found) ? fromQuotedPrintable(body) : body;
  };
  const text = part('text/plain');
  const link = /https?:\/\/\S+#token=\S+/.exec(text)?.[0] ?? null;
  return {
    to,
    raw,
    headers,
    subject: /^Subject: (.*)$/m.exec(headers)?.[1]?.trim() ?? '',
    text,
    html: part('text/html'),
    link,
    token: link?.split('#token=')[1] ?? '',
  };
}

function fromQuotedPrintable(text: string): string {
  const bytes = text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** Makes every mail due now, however often it failed, and sends what can be sent. Returns how many were. */
export async function deliver(server: TestServer): Promise<number> {
  await server.services.database.query.updateTable('outbox').set({ due_at: 0 }).execute();
  return server.services.outbox.deliverDue();
}

/** Sends what is due and returns the mails that came of it, in the order of their recipients. */
export async function receive(server: TestServer, mailbox: Mailbox): Promise<ReceivedMail[]> {
  const before = mailbox.mails.length;
  const sent = await deliver(server);
  await mailbox.until(before + sent);
  return mailbox.mails.slice(before).toSorted((one, other) => String(one.to).localeCompare(String(other.to)));
}

/** Makes an account at once, by an invitation, where sign-up is otherwise confirmed by mail. */
export async function registerInvited(server: TestServer, email: string): Promise<TestAccount> {
  const { token } = await server.services.accounts.invite(email);
  const json = { email, password: goodPassword, invitation: token };
  const answer = await server.call('POST', '/auth/register', { json });
  if (answer.status !== 201) throw new Error(`register answered ${answer.status} ${answer.bytes}`);
  const bearer: string = answer.json.access_token;
  const [key] = (await server.call('GET', '/api-keys/', { bearer })).json.items;
  const me = (await server.call('GET', '/me', { bearer })).json;
  return {
    id: me.id,
    email,
    password: goodPassword,
    apiKey: answer.json.api_key,
    apiKeyId: key.id,
    accessToken: bearer,
    sessionId: me.session_id,
    refreshToken: answer.refreshToken ?? '',
  };
}
