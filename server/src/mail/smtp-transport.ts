import { createTransport } from 'nodemailer';
import type { MailTransport } from './outbox.ts';

export interface SmtpServer {
  host: string;
  port: number;
  /** TLS from the first byte (smtps); otherwise STARTTLS when the server offers it. */
  secure: boolean;
  /** Never sent without TLS, but to this machine. */
  login: { user: string; password: string } | null;
  /** Whether the server is this machine itself. */
  isLoopback: boolean;
}

/** A server that says nothing for so long is taken for dead, milliseconds. */
const patienceMs = 15_000;

/** Returns a transport that hands each mail to an SMTP server, over a connection of its own. */
export function createSmtpTransport(
  { host, port, secure, login, isLoopback }: SmtpServer,
  from: string,
): MailTransport {
  const transporter = createTransport({
    host,
    port,
    secure,
    ...(login && { auth: { user: login.user, pass: login.password }, requireTLS: !isLoopback }),
    connectionTimeout: patienceMs,
    greetingTimeout: patienceMs,
    socketTimeout: patienceMs,
    dnsTimeout: patienceMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ recipient, subject, text, html }) {
      // An object, since a string would be parsed as a list of addresses.
      await transporter.sendMail({ from, to: { name: '', address: recipient }, subject, text, html });
      return { by: 'smtp' };
    },
  };
}
