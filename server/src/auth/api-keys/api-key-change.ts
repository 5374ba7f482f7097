import { AppError, type FieldError } from '../../app-error.ts';
import { readAllowlist } from '../../edge/ip-allowlist.ts';
import { withoutSecrets } from '../../without-secrets.ts';

/** What its owner wants of a key: what is undefined stays. */
export interface ApiKeyChange {
  name?: string | undefined;
  /** Null: any address. */
  allowed_ips?: readonly string[] | null | undefined;
}

/** The same with an allowlist in canonical form. */
export interface SettledApiKeyChange {
  name: string | undefined;
  allowedIps: string[] | null | undefined;
}

/** Throws AppError `validation_failed`, naming every entry that is not good. */
export function settleChange({ name, allowed_ips: allowedIps }: ApiKeyChange): SettledApiKeyChange {
  if (name !== undefined && withoutSecrets(name) !== name) {
    throw new AppError('validation_failed', {
      errors: [{ pointer: '/name', detail: 'Looks like a key or token; a name is shown and logged.' }],
    });
  }
  return { name, allowedIps: allowedIps && settleAllowlist(allowedIps) };
}

function settleAllowlist(entries: readonly string[]): string[] {
  const { allowlist, faults } = readAllowlist(entries);
  const errors: FieldError[] = faults.map(({ index, detail }) => ({ pointer: `/allowed_ips/${index}`, detail }));
  if (entries.length === 0) {
    errors.push({ pointer: '/allowed_ips', detail: 'An empty list would let nobody in; null lets any address in.' });
  }
  if (errors.length > 0) throw new AppError('validation_failed', { errors });
  return allowlist;
}

const shownEntries = 10;

/** Returns an allowlist as the audit log tells of it: a long one as a number of entries. */
export function allowlistSummary(allowlist: readonly string[] | null): string {
  if (allowlist === null) return 'any address';
  return allowlist.length > shownEntries ? `${allowlist.length} entries` : allowlist.join(', ');
}
