import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js';
import type RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js';
import type { Rate } from './limit.ts';

/** Past this many callers, the one not seen for longest is forgotten: memory stays bounded whoever asks. */
export const rememberedCallers = 10_000;

export interface MemoryLimiter {
  /** Rejects with a RateLimiterRes when this is one too many. */
  consume(key: string): Promise<RateLimiterRes>;
  /** How many callers are remembered at this moment. */
  size(): number;
}

/** Returns counters in this process's memory, of the most recent callers only. */
export function createMemoryLimiter({ points, seconds }: Rate): MemoryLimiter {
  const limiter = new RateLimiterMemory({ keyPrefix: '', points, duration: seconds });
  /** Least recently seen first. */
  const seen = new Set<string>();
  return {
    consume(key) {
      seen.delete(key);
      seen.add(key);
      if (seen.size > rememberedCallers) {
        const [oldest = ''] = seen;
        seen.delete(oldest);
        void limiter.delete(oldest);
      }
      return limiter.consume(key);
    },
    size: () => seen.size,
  };
}
