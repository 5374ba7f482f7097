import type { MailTransport } from './outbox.ts';
import type { Sender, SmtpServer } from './smtp-url.ts';

/** A server that says nothing for so long is taken for dead, milliseconds. */
const patienceMs = 15_000;

export interface SmtpTransportOptions {
  /** Whether the server is this machine itself, to which alone a password may go without TLS. */
  isLocal: boolean;
}

/** Returns a transport that hands each mail to an SMTP server, over a connection of its own. */
export function createSmtpTransport(
  { host, port, secure, login }: SmtpServer,
  from: Sender,
  { isLocal }: SmtpTransportOptions,
): MailTransport {
  const options = {
    host,
    port,
    secure,
    ...(login && { auth: { user: login.user, pass: login.password }, requireTLS: !secure && !isLocal }),
    connectionTimeout: patienceMs,
    greetingTimeout: patienceMs,
    socketTimeout: patienceMs,
    dnsTimeout: patienceMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  return {
    async send({ recipient, subject, text, html }) {
      // A server that sends no mail does without its two megabytes.
      const { createTransport } = await import('nodemailer');
      const transporter = createTransport(options);
      // An object, since a string would be read as a list of addresses.
      await transporter.sendMail({ from, to: { name: '', address: recipient }, subject, text, html });
      return { by: 'smtp' };
    },
  };
}
