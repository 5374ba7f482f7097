export interface SmtpServer {
  host: string;
  port: number;
  /** TLS from the first byte; otherwise STARTTLS where the server offers it. */
  secure: boolean;
  login: { user: string; password: string } | null;
}

/** Who mails come from. */
export interface Sender {
  name: string;
  address: string;
}

/** Reads `smtp://[user:password@]host[:port]` or `smtps://…`. Throws an Error that ends the sentence "NAME …" and quotes nothing of it. */
export function parseSmtpUrl(value: string): SmtpServer {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (!url || !/^smtps?:$/.test(url.protocol) || url.hostname === '') {
    throw new Error('must look like smtp://user:password@mail.example.com:587 or smtps://mail.example.com');
  }
  if (!/^\/?$/.test(url.pathname) || url.search || url.hash) {
    throw new Error('must end after the host and port; percent-encode what is special in the user name and password');
  }
  const secure = url.protocol === 'smtps:';
  const decoded = [url.username, url.password].map(decode);
  const [user = '', password = ''] = decoded;
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    login: user === '' ? null : { user, password },
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('holds a user name or password whose percent-encoding is broken');
  }
}

/** Reads `Name <address>` or a plain address. Throws an Error that ends the sentence "NAME …". */
export function parseSender(value: string): Sender {
  const [, name, named, plain] =
    /^(?:"?([^"<>\p{C}]*?)"?\s*<([^\s<>@\p{C}]+@[^\s<>@\p{C}]+)>|([^\s<>@\p{C}]+@[^\s<>@\p{C}]+))$/u.exec(
      value.trim(),
    ) ?? [];
  const address = named ?? plain;
  if (address === undefined) throw new Error('must look like Inksong <inksong@example.com>');
  return { name: name ?? '', address };
}
