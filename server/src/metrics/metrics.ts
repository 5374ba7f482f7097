import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Passwords, passwordHashed } from '../auth/accounts/password.ts';
import { credentialVerified } from '../auth/authenticate.ts';
import { statementRun } from '../database/statement-run.ts';
import { requestAnswered } from '../http/request-log.ts';

/** Seconds. The fast end is where verifying and statements lie, the slow end where people begin to wait. */
const fast = [0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1];
const slow = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export type Snapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export interface Metrics {
  contentType: string;
  /** Returns all of them in Prometheus's text format. */
  text(): Promise<string>;
  /** Returns all of them for merging with those of other processes: see worker-metrics.ts. */
  snapshot(): Promise<Snapshot>;
  /** Ends the counting. */
  stop(): void;
}

/**
 * Counts what this process does from now on. Labels are route patterns, schemes and the like: never an account, an
 * address or anything else that a caller could make more of.
 */
export function createMetrics(passwords: Pick<Passwords, 'load'>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const requests = new Counter({
    name: 'inksong_http_requests_total',
    help: 'Requests answered, by route, scheme of the credential, and class of status.',
    labelNames: ['method', 'route', 'scheme', 'status'],
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'inksong_http_request_duration_seconds',
    help: 'From a request’s headers to the end of its answer.',
    labelNames: ['method', 'route'],
    buckets: slow,
    registers,
  });
  const verificationSeconds = new Histogram({
    name: 'inksong_verification_duration_seconds',
    help: 'To verify a key or an access token.',
    labelNames: ['scheme'],
    buckets: fast,
    registers,
  });
  const statementSeconds = new Histogram({
    name: 'inksong_database_statement_duration_seconds',
    help: 'To run one SQL statement.',
    labelNames: ['statement'],
    buckets: fast,
    registers,
  });
  const hashSeconds = new Histogram({
    name: 'inksong_password_hash_duration_seconds',
    help: 'To hash one password, its time in the queue not counted.',
    buckets: slow,
    registers,
  });
  new Gauge({
    name: 'inksong_password_hashes',
    help: 'Passwords being hashed, and waiting for it.',
    labelNames: ['state'],
    registers,
    collect() {
      const { hashing, waiting } = passwords.load();
      this.set({ state: 'hashing' }, hashing);
      this.set({ state: 'waiting' }, waiting);
    },
  });

  const stops = [
    requestAnswered.listen(({ method, route, scheme, status, seconds }) => {
      requests.inc({ method, route, scheme, status: `${Math.floor(status / 100)}xx` });
      requestSeconds.observe({ method, route }, seconds);
    }),
    credentialVerified.listen(({ scheme, seconds }) => verificationSeconds.observe({ scheme }, seconds)),
    passwordHashed.listen(({ seconds }) => hashSeconds.observe(seconds)),
    statementRun.listen(({ sql, seconds }) => statementSeconds.observe({ statement: kindOf(sql) }, seconds)),
  ];
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    snapshot: () => registry.getMetricsAsJSON(),
    stop() {
      for (const stop of stops) stop();
      registry.clear();
    },
  };
}

const statementKinds = new Set(['select', 'insert', 'update', 'delete', 'begin', 'commit', 'rollback']);

function kindOf(sql: string): string {
  const word = /^\w+/.exec(sql)?.[0].toLowerCase() ?? '';
  return statementKinds.has(word) ? word : 'other';
}
