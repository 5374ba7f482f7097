/** Tells whether a write was refused because a row with the same unique value exists. */
export function isUniqueViolation(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  const constraintUnique = 2067;
  const constraintPrimaryKey = 1555;
  return errcode === constraintUnique || errcode === constraintPrimaryKey;
}
