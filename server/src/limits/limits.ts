import { hash } from 'node:crypto';
import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js';
import { parseEmail } from '../auth/accounts/email.ts';
import { clientGroup } from '../edge/address-group.ts';
import { type LimitName, type LimitState, limitKinds, type Rate, type Rates } from './limit.ts';
import { createMemoryLimiter, rememberedCallers } from './memory-limiter.ts';

/** Counts requests of one limit, by key. Rejects with a RateLimiterRes when one is too many. */
interface Counter {
  consume(key: string): Promise<RateLimiterRes>;
}

export interface LimitStore {
  /** Deletes counts whose window is over. */
  purge(stop?: AbortSignal): Promise<void>;
  /** Returns a counter that all processes share. */
  counter(name: LimitName, rate: Rate): Counter;
}

export interface Limits {
  /**
   * Counts one request of an address, account id or e-mail address, whichever the limit goes by.
   * Returns where it stands now, or null when the limit is off. Throws AppError `unavailable` when a shared count cannot be read.
   */
  take(name: LimitName, subject: string): Promise<LimitState | null>;
  /** Deletes counts that are over; no answer depends on it. */
  purge(stop?: AbortSignal): Promise<void>;
}

/** Returns all limits. `monotonicMs` is a clock that is never set. */
export function createLimits(store: LimitStore, rates: Rates, monotonicMs = () => performance.now()): Limits {
  const limits = new Map<LimitName, { rate: Rate; counter: Counter }>();
  for (const name of Object.keys(limitKinds) as LimitName[]) {
    const kind = limitKinds[name];
    const rate = kind.rate ?? rates[name as keyof Rates];
    if (rate === null) continue;
    const counter =
      kind.counted === 'database'
        ? rememberRefusals(store.counter(name, rate), monotonicMs)
        : createMemoryLimiter(rate);
    limits.set(name, { rate, counter });
  }

  return {
    purge: (stop) => store.purge(stop),

    async take(name, subject) {
      const limit = limits.get(name);
      if (!limit) return null;
      const { rate, counter } = limit;
      let result: RateLimiterRes;
      let refused = false;
      try {
        result = await counter.consume(keyOf(name, subject));
      } catch (error) {
        if (!(error instanceof RateLimiterRes)) throw error;
        [result, refused] = [error, true];
      }
      // The library counts by the clock of the day; whatever that does, nobody waits longer than the window.
      const resetSeconds = Math.min(Math.max(Math.ceil(result.msBeforeNext / 1000), 1), rate.seconds);
      return { name, rate, remaining: result.remainingPoints, resetSeconds, refused };
    },
  };
}

function keyOf(name: LimitName, subject: string): string {
  switch (limitKinds[name].by) {
    case 'address':
      return clientGroup(subject);
    case 'email':
      return emailKey(subject);
    case 'account':
      return subject;
  }
}

/** Returns what an e-mail address, known or not, is counted under: none that was merely tried is stored. */
export function emailKey(email: string): string {
  return hash('sha256', parseEmail(email) ?? email.toLowerCase(), 'base64url');
}

/** Whoever is over a shared limit is told so from memory until the window ends: a flood of refusals writes nothing. */
function rememberRefusals(counter: Counter, monotonicMs: () => number): Counter {
  const refusedUntil = new Map<string, number>();
  return {
    async consume(key) {
      const msBeforeNext = (refusedUntil.get(key) ?? 0) - monotonicMs();
      if (msBeforeNext > 0) throw new RateLimiterRes(0, msBeforeNext);
      refusedUntil.delete(key);
      try {
        return await counter.consume(key);
      } catch (error) {
        if (error instanceof RateLimiterRes) {
          refusedUntil.set(key, monotonicMs() + error.msBeforeNext);
          if (refusedUntil.size > rememberedCallers) {
            const [oldest = ''] = refusedUntil.keys();
            refusedUntil.delete(oldest);
          }
        }
        throw error;
      }
    },
  };
}
