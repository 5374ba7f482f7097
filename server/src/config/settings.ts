import { logLevels } from './setting-values.ts';

interface Setting {
  name: string;
  /** As the README's table shows it. */
  defaultText: string;
  about: string;
}

/** Every setting, in the README's order. `_FILE` beside a secret names a file that holds it. */
export const settings: readonly Setting[] = [
  { name: 'HOST', defaultText: '`127.0.0.1`', about: 'Address to listen on.' },
  { name: 'PORT', defaultText: '`8080`', about: 'Port to listen on; `0` picks a free one.' },
  {
    name: 'INKSONG_PUBLIC_URL',
    defaultText: '`http://localhost:PORT`',
    about:
      'The origin people reach it at. Must be https unless it is loopback. Required on PostgreSQL, and when `HOST` is not loopback.',
  },
  {
    name: 'INKSONG_TRUSTED_PROXIES',
    defaultText: 'none',
    about:
      'Addresses and CIDRs of your own proxies, separated by commas: the client’s address is what they say it is. See docs/behind-a-proxy.md.',
  },
  {
    name: 'INKSONG_CLIENT_IP_HEADER',
    defaultText: '`x-forwarded-for`',
    about: 'The one header in which trusted proxies say it: `x-forwarded-for`, or `forwarded` (RFC 7239).',
  },
  { name: 'INKSONG_DATA_DIR', defaultText: '`./data`', about: 'Folder of the database and the generated secret.' },
  {
    name: 'DATABASE_URL',
    defaultText: '`inksong.db` in the data folder',
    about:
      'The SQLite file, as a path or a `file:` URL; or `postgres://user:password@host/database?sslmode=verify-full`, see docs/postgresql.md. Or `DATABASE_URL_FILE`.',
  },
  {
    name: 'INKSONG_DATABASE_CONNECTIONS',
    defaultText: '`10`',
    about: 'Most connections of one process to PostgreSQL; a fifth of them only read credentials.',
  },
  {
    name: 'INKSONG_WORKERS',
    defaultText: '`1`',
    about:
      'Processes that serve together on this machine, up to 64, or `auto`: one for each core. More than one needs PostgreSQL. See docs/several-nodes.md.',
  },
  {
    name: 'INKSONG_SECRET',
    defaultText: 'made in the data folder',
    about:
      'At least 32 bytes; access tokens are signed with a key derived from it. Required on PostgreSQL, the same on every node. Or `INKSONG_SECRET_FILE`.',
  },
  {
    name: 'INKSONG_SECRET_PREVIOUS',
    defaultText: 'none',
    about:
      'The secret before the last change: its access tokens stay valid until they expire. Or `INKSONG_SECRET_PREVIOUS_FILE`.',
  },
  {
    name: 'INKSONG_SIGNUP',
    defaultText: '`open` on loopback',
    about:
      '`open`, or `closed`: only links from `inksong accounts create` sign up. Must be set when `HOST` is not loopback.',
  },
  {
    name: 'INKSONG_SMTP_URL',
    defaultText: 'none',
    about:
      'The mail server, such as `smtp://user:password@mail.example.com:587` or `smtps://…`; sign-up is then confirmed by mail. Without it each mail is a file in the data folder’s `outbox/`. Or `INKSONG_SMTP_URL_FILE`.',
  },
  {
    name: 'INKSONG_MAIL_FROM',
    defaultText: 'none',
    about: 'Who mails come from, such as `Inksong <inksong@example.com>`. Required with `INKSONG_SMTP_URL`.',
  },
  { name: 'INKSONG_MAX_DOCUMENT_BYTES', defaultText: '`26214400`', about: 'Largest document (25 MiB).' },
  {
    name: 'INKSONG_ACCOUNT_QUOTA_BYTES',
    defaultText: '`1073741824`',
    about: 'Bytes of documents an account may hold (1 GiB).',
  },
  {
    name: 'INKSONG_MAX_DOCUMENTS_PER_ACCOUNT',
    defaultText: '`100000`',
    about: 'Number of documents an account may hold.',
  },
  {
    name: 'INKSONG_RATE_LIMIT_AUTH',
    defaultText: '`10/min`',
    about: 'Sign-ups and proofs of a password from one address; also `/s`, `/hour`, or `off`. See docs/limits.md.',
  },
  { name: 'INKSONG_RATE_LIMIT_REFRESH', defaultText: '`60/min`', about: 'Refreshes from one address.' },
  {
    name: 'INKSONG_RATE_LIMIT_API',
    defaultText: '`1000/min`',
    about: 'Requests of one account to one process.',
  },
  {
    name: 'INKSONG_EVENT_RETENTION_DAYS',
    defaultText: '`365`',
    about: 'Days that the audit log and the usage counts are kept.',
  },
  {
    name: 'INKSONG_ADDRESS_RETENTION_DAYS',
    defaultText: '`30`',
    about:
      'Days that addresses are kept: in the audit log (user agents too), of tries with rotated keys, and of sign-ins. Where keys were used from is kept as long, but at most 30 days.',
  },
  {
    name: 'INKSONG_ALLOWED_ORIGINS',
    defaultText: 'none',
    about:
      'Origins of web apps, such as `https://app.example.com`, separated by commas: their pages may call the API and use the sign-in cookie.',
  },
  {
    name: 'INKSONG_DRAIN_SECONDS',
    defaultText: '`0`',
    about:
      'How long a process that gets SIGTERM goes on answering after `/readyz` has turned 503. Behind a balancer: longer than it needs to notice, such as 5.',
  },
  {
    name: 'INKSONG_METRICS_PORT',
    defaultText: 'off',
    about: 'Port of a second listener on `HOST` that answers `/metrics` to Prometheus. Keep it from the public.',
  },
  { name: 'LOG_LEVEL', defaultText: '`info`', about: `One of ${logLevels.map((level) => `\`${level}\``).join(', ')}.` },
];

/** What Docker and Kubernetes set for each service that a container can reach. */
const serviceLink =
  /^INKSONG_([A-Z0-9_]+_)?(PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?|SERVICE_(HOST|PORT(_[A-Z0-9_]+)?))$/;

/** Tells whether an INKSONG_ name of the environment is a setting, or is set by somebody else for another purpose. */
export function isKnown(name: string, value: string): boolean {
  if (settings.some((setting) => setting.name === name)) return true;
  if (['INKSONG_SECRET_FILE', 'INKSONG_SECRET_PREVIOUS_FILE', 'INKSONG_SMTP_URL_FILE'].includes(name)) return true;
  // For integrators' own programs.
  if (name === 'INKSONG_API_KEY') return true;
  // Its own and its siblings': INKSONG_DB_SERVICE_HOST is of a service that is called inksong-db.
  return serviceLink.test(name) || (/^INKSONG_([A-Z0-9_]+_)?PORT$/.test(name) && /^(tcp|udp):\/\//.test(value));
}

/** Says that a name is no setting, and which one may be meant. */
export function unknownSetting(name: string): string {
  const near = settings.find((setting) => setting.name.includes(name.slice(8)) || name.includes(setting.name));
  return `${name} is not a setting of this version${near ? `; did you mean ${near.name}?` : '.'}`;
}
