import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { queries } from '../app/queries.ts';
import { isCancelled, useReauthentication } from '../app/reauthentication.tsx';
import { inksong } from '../app/session.ts';
import { readAddressLines } from './address-lines.ts';
import { type AddressCheck, addressCheckKey, checkAddresses, keepChanged } from './api-key-query.ts';

export interface SavingAddresses {
  /** Saves a list as typed, or null for any address; stops at a bad line, and to ask about whom it shuts out. */
  save: (text: string | null) => void;
  isSaving: boolean;
  error: Error | null;
  /** The text that was last refused for its lines. A new object at each try. */
  refused: { text: string } | null;
  /** Whom the list would shut out, while that is being asked about. */
  shutOut: AddressCheck['shutOut'] | null;
  saveAnyway: () => void;
  stay: () => void;
  /** Where the password is asked for. */
  dialog: ReactNode;
}

export function useSaveAddresses(id: string, onSaved: () => void): SavingAddresses {
  const { withReauthentication, dialog } = useReauthentication();
  const [refused, setRefused] = useState<{ text: string } | null>(null);
  const [asking, setAsking] = useState<{ text: string; shutOut: AddressCheck['shutOut'] } | null>(null);

  const saving = useMutation({
    mutationFn: async ({ text, isConfirmed }: { text: string | null; isConfirmed: boolean }) => {
      setRefused(null);
      if (text !== null && !isConfirmed) {
        const check = await checkAddresses(id, text);
        queries.setQueryData(addressCheckKey(id, text), check);
        if (check.faults.length > 0) return setRefused({ text });
        if (check.shutOut.length > 0) return setAsking({ text, shutOut: check.shutOut });
      }
      const allowed_ips = text === null ? null : readAddressLines(text).map(({ entry }) => entry);
      await keepChanged(await withReauthentication(() => inksong.apiKeys.update(id, { allowed_ips })));
      onSaved();
    },
  });

  return {
    save: (text) => {
      if (!saving.isPending) saving.mutate({ text, isConfirmed: false });
    },
    isSaving: saving.isPending,
    error: isCancelled(saving.error) ? null : saving.error,
    refused,
    shutOut: asking?.shutOut ?? null,
    saveAnyway: () => {
      if (asking) saving.mutate({ text: asking.text, isConfirmed: true });
      setAsking(null);
    },
    stay: () => setAsking(null),
    dialog,
  };
}
