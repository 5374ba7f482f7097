/** Returns sessions with the one that asks first, and the others as they came. */
export function currentFirst<T extends { current: boolean }>(sessions: readonly T[]): T[] {
  return [...sessions.filter(({ current }) => current), ...sessions.filter(({ current }) => !current)];
}
