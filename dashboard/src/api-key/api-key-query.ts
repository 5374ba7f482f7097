import { type ApiKey, InksongError, type RotatedApiKey } from '@inksong/client';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../app/queries.ts';
import { inksong } from '../app/session.ts';
import { type LineFault, lineFaults, readAddressLines } from './address-lines.ts';

const queryKey = ['api-keys'];
/** The server writes uses down every five seconds; asking more often would show nothing new. */
const refetchMs = 5_000;

/** The account's key, masked. Asked for again and again while the page is looked at: who uses it, and who the old one. */
export function useApiKey() {
  return useQuery({
    queryKey,
    queryFn: () => inksong.apiKeys.list(),
    refetchInterval: refetchMs,
    select: ([apiKey]) => apiKey,
  });
}

/** Takes over what the server has answered to a change; a new key itself stays out, this is kept while the tab is open. */
export async function keepChanged(changed: ApiKey | RotatedApiKey): Promise<void> {
  await queries.cancelQueries({ queryKey, exact: true });
  const { api_key: _secret, ...apiKey } = { api_key: null, ...changed };
  queries.setQueryData<ApiKey[]>(queryKey, (keys) => keys?.map((each) => (each.id === apiKey.id ? apiKey : each)));
}

export interface AddressCheck {
  faults: LineFault[];
  /** Addresses that have used the key in the last 30 days and no longer could, the latest first. */
  shutOut: { address: string; last_used_at: string }[];
}

export function addressCheckKey(id: string, text: string): string[] {
  return ['allowed-ips-preview', id, text];
}

/** Returns what the server thinks of a list as typed. Throws when it could not be asked. */
export async function checkAddresses(id: string, text: string): Promise<AddressCheck> {
  const lines = readAddressLines(text);
  if (lines.length === 0) {
    return { faults: [{ line: null, detail: 'List at least one address, or let any address in.' }], shutOut: [] };
  }
  try {
    const allowed_ips = lines.map(({ entry }) => entry);
    return { faults: [], shutOut: (await inksong.apiKeys.previewAllowedIps(id, { allowed_ips })).shut_out };
  } catch (error) {
    if (!(error instanceof InksongError && error.code === 'validation_failed')) throw error;
    return { faults: lineFaults(error.errors, lines), shutOut: [] };
  }
}

/** From where this browser comes, as the server sees it; null when it cannot tell. */
export function useYourAddress(id: string) {
  return useQuery({
    queryKey: ['your-address', id],
    queryFn: async () => (await inksong.apiKeys.previewAllowedIps(id, { allowed_ips: null })).your_address,
  });
}
