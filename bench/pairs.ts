import type { Finding, Unit, Wanted } from './finding.ts';
import type { Measure, Samples } from './rounds.ts';
import { compareRounds, type Relation } from './spread.ts';

/** Two subjects that are compared, and what the comparison should show. */
interface Pair {
  of: string;
  to: string;
  measure: Measure;
  relation: Relation;
  wanted: Wanted | null;
}

const words: Record<Measure, string> = {
  requestsPerSecond: 'requests a second',
  cpuMicroseconds: 'CPU a request',
  p50Ms: 'p50',
  p99Ms: 'p99',
};

const rate = (of: string, to: string, wanted: Wanted | null = null): Pair => ({
  ...{ of, to, measure: 'requestsPerSecond', relation: 'quotient', wanted },
});
const cpu = (of: string, to: string, wanted: Wanted | null = null, relation: Relation = 'quotient'): Pair => ({
  ...{ of, to, measure: 'cpuMicroseconds', relation, wanted },
});

/** Everybody is compared with this one. */
const baseline = 'bare-fastify';

const pairs: readonly Pair[] = [
  rate('inksong-key', baseline, { atLeast: 0.45 }),
  cpu('inksong-key', 'inksong-unguarded', { atMost: 15 }, 'difference'),
  rate('inksong-key', 'inksong-unguarded'),
  cpu('hand-written-key', 'inksong-key', { atLeast: 1.1 }),
  cpu('hand-written-bearer', 'inksong-bearer'),
  cpu('inksong-bearer', 'inksong-key', { atMost: 1.05 }),
  cpu('inksong-allowlist', 'inksong-key'),
  rate('inksong-decision', 'inksong-key', { atLeast: 1.3 }),
  rate('inksong-key', 'better-auth-key', { atLeast: 12 }),
  rate('inksong-key', 'better-auth-key-memory', { atLeast: 3 }),
  rate('inksong-bearer', 'better-auth-session', { atLeast: 7 }),
  { of: 'inksong-key', to: 'better-auth-key', measure: 'p99Ms', relation: 'quotient', wanted: { atMost: 1 / 15 } },
  rate('inksong-postgres-key', 'inksong-postgres-unguarded', { atLeast: 0.75 }),
  cpu('inksong-many-accounts', 'inksong-few-accounts', { atMost: 1.1 }),
  cpu('inksong-many-documents', 'inksong-few-documents'),
  rate('inksong-deepest-page', 'inksong-many-documents', { atLeast: 0.95 }),
];

/** Returns the findings of every pair of which both were measured. */
export function findingsOfPairs(samples: ReadonlyMap<string, Samples>): Finding[] {
  const named = new Set(pairs.filter(({ to }) => to === baseline).map(({ of }) => of));
  const others = [...samples.keys()].filter((name) => name !== baseline && !named.has(name));
  return [...others.map((name) => rate(name, baseline)), ...pairs].flatMap(({ of, to, measure, relation, wanted }) => {
    const [one, other] = [samples.get(of), samples.get(to)];
    if (!one || !other || one[measure].length !== other[measure].length) return [];
    const unit: Unit = relation === 'quotient' ? '×' : 'µs';
    const sign = relation === 'quotient' ? '/' : '−';
    const name = `${words[measure]}: ${of} ${sign} ${to}`;
    return [{ name, unit, ...compareRounds(one[measure], other[measure], relation), wanted }];
  });
}
