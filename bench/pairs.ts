import { type Finding, findingOf, type Unit } from './finding.ts';
import type { Measure, Samples } from './rounds.ts';
import { compareRounds, type Relation, spreadOf } from './spread.ts';

/** Two subjects that are compared, and what the comparison should show. */
interface Pair extends Pick<Finding, 'better' | 'wanted'> {
  of: string;
  to: string;
  measure: Measure;
  relation: Relation;
  /** False: its CPU time too moves with what else the machine does. */
  isSteady?: false;
}

const words: Record<Measure, string> = {
  requestsPerSecond: 'requests a second',
  cpuMicroseconds: 'CPU a request',
  p50Ms: 'p50',
  p99Ms: 'p99',
};

const rate = (of: string, to: string, wanted: number | null = null): Pair => ({
  ...{ of, to, measure: 'requestsPerSecond', relation: 'quotient', better: 'more', wanted },
});
const cpu = (of: string, to: string, wanted: number | null = null): Pair => ({
  ...{ of, to, measure: 'cpuMicroseconds', relation: 'quotient', better: 'less', wanted },
});
/** What another one costs beside Inksong: the more the better. */
const cpuOfOther = (of: string, to: string, wanted: number | null = null): Pair => ({
  ...cpu(of, to, wanted),
  better: 'more',
});

/** Everybody is compared with this one. */
const baseline = 'bare-fastify';

const pairs: readonly Pair[] = [
  { ...cpu('inksong-key', 'inksong-unguarded', 15), relation: 'difference' },
  cpu('inksong-key', 'inksong-unguarded'),
  rate('inksong-key', 'inksong-unguarded'),
  cpuOfOther('hand-written-key', 'inksong-key', 1.1),
  rate('inksong-key', baseline, 0.45),
  cpu('inksong-key', baseline),
  cpu('inksong-bearer', 'inksong-key', 1.05),
  cpuOfOther('hand-written-bearer', 'inksong-bearer'),
  cpu('inksong-allowlist', 'inksong-key'),
  rate('inksong-decision', 'inksong-key', 1.3),
  cpu('inksong-decision', 'inksong-key'),
  rate('inksong-key', 'better-auth-key', 12),
  rate('inksong-key', 'better-auth-key-memory', 3),
  rate('inksong-bearer', 'better-auth-session', 7),
  { ...rate('inksong-key', 'better-auth-key', 1 / 15), measure: 'p99Ms', better: 'less' },
  rate('inksong-postgres-key', 'inksong-postgres-unguarded', 0.75),
  // How many reads share a round trip is a matter of how busy the database is.
  { ...cpu('inksong-postgres-key', 'inksong-postgres-unguarded'), isSteady: false },
  rate('inksong-postgres-workers', 'inksong-postgres-key'),
  cpu('inksong-many-accounts', 'inksong-few-accounts', 1.1),
  cpu('inksong-many-documents', 'inksong-few-documents'),
  rate('inksong-deepest-page', 'inksong-many-documents', 0.95),
  cpu('inksong-deepest-page', 'inksong-many-documents'),
];

/** Returns the findings of every pair of which both were measured. */
export function findingsOfPairs(samples: ReadonlyMap<string, Samples>): Finding[] {
  const named = new Set(pairs.filter(({ to }) => to === baseline).map(({ of }) => of));
  const others = [...samples.keys()].filter((name) => name !== baseline && !named.has(name));
  const all = [...others.map((name) => rate(name, baseline)), ...pairs];
  return all.flatMap(({ of, to, measure, relation, better, wanted, isSteady }) => {
    const [one, other] = [samples.get(of), samples.get(to)];
    if (!one || !other || one[measure].length !== other[measure].length) return [];
    const isQuotient = relation === 'quotient';
    const unit: Unit = isQuotient ? '×' : 'µs';
    const name = `${words[measure]}: ${of} ${isQuotient ? '/' : '−'} ${to}`;
    const [least, leastOther] = [spreadOf(one[measure]).lower, spreadOf(other[measure]).lower];
    const compared = isQuotient ? least / leastOther : least - leastOther;
    const undisturbed = measure === 'cpuMicroseconds' && isSteady !== false ? compared : null;
    return [{ name, unit, ...compareRounds(one[measure], other[measure], relation), better, wanted, undisturbed }];
  });
}

/** Returns by how much the slowest of a hundred answers exceeds three times the median one; at most 5 ms is wanted. */
export function findingOfTail(name: string, { p50Ms, p99Ms }: Samples): Finding {
  const excess = p99Ms.map((slowest, round) => slowest - 3 * (p50Ms[round] as number));
  return findingOf(`p99 − 3 × p50: ${name}`, 'ms', 'less', excess, 5);
}
