import type { ApiKey } from '@inksong/client';
import { useBlocker } from '@tanstack/react-router';
import { useState } from 'react';
import { announce } from '../ui/announcements.tsx';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { Failure } from '../ui/failure.tsx';
import { Panel } from '../ui/panel.tsx';
import { AddressEditor } from './address-editor.tsx';
import { addressText, isSameList } from './address-lines.ts';
import { AddressModes } from './address-modes.tsx';
import { ShutOutConfirm } from './shut-out.tsx';
import { useSaveAddresses } from './use-save-addresses.ts';

/** What is being edited. The text is kept while any address is chosen, so that changing one's mind costs nothing. */
interface Draft {
  isLimited: boolean;
  text: string;
}

/** Where the key may be used from. */
export function AllowedAddresses({ apiKey }: { apiKey: ApiKey }) {
  const saved: Draft = { isLimited: apiKey.allowed_ips !== null, text: addressText(apiKey.allowed_ips) };
  // Null while nothing has been edited: what others change then shows by itself.
  const [draft, setDraft] = useState<Draft | null>(null);
  const { isLimited, text } = draft ?? saved;
  const isChanged = isLimited !== saved.isLimited || (isLimited && !isSameList(text, saved.text));

  const leaving = useBlocker({
    shouldBlockFn: () => isChanged,
    enableBeforeUnload: () => isChanged,
    withResolver: true,
  });
  const saving = useSaveAddresses(apiKey.id, () => {
    setDraft(null);
    announce(isLimited ? 'Saved. Each entry is shown in its standard form.' : 'Saved. Any address may use the key.');
  });

  return (
    <Panel
      title="Allowed addresses"
      about="A key that is only good from your own servers is of no use to whoever finds it. In force from the next request on."
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          saving.save(isLimited ? text : null);
        }}
        className="flex flex-col gap-5"
      >
        <AddressModes isLimited={isLimited} onChange={(next) => setDraft({ isLimited: next, text })} />
        {isLimited && (
          <AddressEditor
            id={apiKey.id}
            text={text}
            isChanged={isChanged}
            refused={saving.refused}
            onChange={(next) => setDraft({ isLimited, text: next })}
          />
        )}
        {saving.error ? <Failure error={saving.error} /> : null}
        <div className="flex flex-wrap items-center gap-2">
          <Button kind="primary" type="submit" busy={saving.isSaving} disabled={!isChanged}>
            Save addresses
          </Button>
          <Button
            kind="quiet"
            onClick={() => setDraft(null)}
            className={isChanged && !saving.isSaving ? '' : 'invisible'}
          >
            Undo changes
          </Button>
        </div>
      </form>
      <ShutOutConfirm shutOut={saving.shutOut} onConfirm={saving.saveAnyway} onClose={saving.stay} />
      {saving.dialog}
      <Confirm
        open={leaving.status === 'blocked'}
        title="Leave without saving?"
        action="Leave"
        busy={false}
        error={null}
        onConfirm={() => leaving.proceed?.()}
        onClose={() => leaving.reset?.()}
      >
        <p>The allowed addresses were changed and are not saved yet.</p>
      </Confirm>
    </Panel>
  );
}
