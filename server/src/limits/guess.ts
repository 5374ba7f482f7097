/** Wrong passwords for one e-mail address from one neighbourhood that cost no waiting. */
const freeTries = 3;
export const longestDelaySeconds = 15 * 60;
/** Wrong passwords for one e-mail address, from wherever, until only neighbourhoods it has signed in from may try. */
export const failuresADay = 100;
export const daySeconds = 86_400;
/** Neighbourhoods remembered for an account: the latest. */
export const rememberedNeighbourhoods = 100;

/** Returns the seconds from the n-th try until the next may be made: 0, 0, 1, 2, 4 … 900. */
export function delaySecondsAfter(tries: number): number {
  return tries < freeTries ? 0 : Math.min(2 ** (tries - freeTries), longestDelaySeconds);
}
