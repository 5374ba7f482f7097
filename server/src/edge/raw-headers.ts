/**
 * Returns the values of all lines of a header in order, of names and values in turn as they arrived: Node's parsed headers
 * drop some lines in silence and join others. @param name in lower case
 */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const written = rawHeaders[index] ?? '';
    // Every request is searched for several names: their lengths tell nearly all apart.
    if (written.length === name.length && written.toLowerCase() === name) values.push(rawHeaders[index + 1] ?? '');
  }
  return values;
}
