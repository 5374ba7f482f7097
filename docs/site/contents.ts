/** A page of the guide, served at `/docs/{name}`: `docs/{name}.md`, or for `api` what reference.ts makes. */
export interface Entry {
  name: string;
  /** What it answers, in one line. */
  about: string;
}

/** The guide in the order in which it is read: the navigation, "previous" and "next", the contents and /llms.txt. */
export const contents: readonly { title: string; entries: readonly Entry[] }[] = [
  {
    title: 'Start',
    entries: [
      { name: 'quickstart', about: 'from nothing to a stored document, in five commands' },
      { name: 'authentication', about: 'keys for programs, tokens for people; samples in curl, Python and JavaScript' },
      { name: 'client', about: 'typed calls, for servers and for browsers, that refresh by themselves' },
    ],
  },
  {
    title: 'Use',
    entries: [
      { name: 'documents', about: 'upload, list, read in part, replace, and retry without doing it twice' },
      { name: 'allowlists', about: 'the addresses a key may be used from' },
      { name: 'account', about: 'password, e-mail address, sessions, export and deletion' },
      { name: 'limits', about: 'every limit, and why nobody is locked out' },
      { name: 'errors', about: 'every error code, and what to do about it' },
      { name: 'api', about: 'every operation: access, parameters, bodies, answers and refusals' },
    ],
  },
  {
    title: 'Run',
    entries: [
      { name: 'self-hosting', about: 'settings, sign-up, mail, the command line, upgrades' },
      { name: 'behind-a-proxy', about: 'TLS, and the client’s address, with Caddy, nginx and HAProxy' },
      { name: 'forward-auth', about: 'keys and tokens for any service: nginx, Caddy, HAProxy, Traefik, Envoy' },
      { name: 'fastify', about: 'keys and tokens for a Fastify app of your own, without a proxy' },
      { name: 'postgresql', about: 'the same on a database server, for several nodes: TLS, PgBouncer, failover' },
      { name: 'several-nodes', about: 'workers, balancers, clocks, sizing, upgrades without downtime, systemd' },
      { name: 'backup', about: 'copies made while it runs, how to put one back, and moving to PostgreSQL' },
      { name: 'reliability', about: 'the experiments that try to break it, what they saw, and how to run them' },
      {
        name: 'performance',
        about: 'what a request costs, beside other ways to do the same, and how much to run it on',
      },
      { name: 'security', about: 'threat model, attacks tested by name, OWASP ASVS 5.0.0 line by line' },
    ],
  },
];

export const entries: readonly Entry[] = contents.flatMap((section) => section.entries);
