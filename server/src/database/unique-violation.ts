/** Tells whether a write was refused because a row with the same unique value exists. */
export function isUniqueViolation(error: unknown): boolean {
  const { code, errcode } = error as { code?: string; errcode?: number };
  const sqliteUnique = 2067;
  const sqlitePrimaryKey = 1555;
  const postgresUnique = '23505';
  return errcode === sqliteUnique || errcode === sqlitePrimaryKey || code === postgresUnique;
}
