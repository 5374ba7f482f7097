/** How much in how long: at most `points` within `seconds`. */
export interface Rate {
  points: number;
  seconds: number;
}

/** What is counted together. */
type CountedBy = 'address' | 'account' | 'email';

interface LimitKind {
  by: CountedBy;
  /** In the database, for all processes on it; or in the memory of each. */
  counted: 'database' | 'process';
  /** `null`: the operator says, in the configuration. */
  rate: Rate | null;
}

type ConfiguredLimit = 'auth' | 'refresh' | 'api';
export type LimitName = ConfiguredLimit | 'forgot' | 'resend';

/** The limits on how often something may be asked. What wrong passwords cost stands in guesses.ts. */
export const limitKinds: Readonly<Record<LimitName, LimitKind>> = {
  auth: { by: 'address', counted: 'database', rate: null },
  refresh: { by: 'address', counted: 'process', rate: null },
  api: { by: 'account', counted: 'process', rate: null },
  forgot: { by: 'email', counted: 'database', rate: { points: 3, seconds: 3600 } },
  resend: { by: 'email', counted: 'database', rate: { points: 3, seconds: 3600 } },
};

/** The configured limits; `null` is off. */
export type Rates = Readonly<Record<ConfiguredLimit, Rate | null>>;

export const defaultRates: Rates = {
  auth: { points: 10, seconds: 60 },
  refresh: { points: 60, seconds: 60 },
  api: { points: 1000, seconds: 60 },
};

const unitSeconds: Readonly<Record<string, number>> = { s: 1, min: 60, hour: 3600 };

/** Reads `10/min`, `10/s`, `10/hour` or `off`. Throws an Error that ends the sentence "NAME …". */
export function parseRate(text: string): Rate | null {
  if (text === 'off') return null;
  const [, points = '', unit = ''] = /^([1-9]\d{0,8})\/(s|min|hour)$/.exec(text) ?? [];
  const seconds = unitSeconds[unit];
  if (seconds === undefined) throw new Error(`must look like 10/min (or /s, /hour), or be off, not "${text}"`);
  return { points: Number(points), seconds };
}

/** Where a caller stands with one limit after a request was counted. */
export interface LimitState {
  name: LimitName;
  rate: Rate;
  remaining: number;
  /** Seconds until the count begins anew. */
  resetSeconds: number;
  /** This request was one too many. */
  refused: boolean;
}
