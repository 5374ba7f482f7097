import { Confirm } from '../ui/confirm.tsx';
import { Time } from '../ui/time.tsx';
import { Address } from './address.tsx';
import type { AddressCheck } from './api-key-query.ts';

type ShutOut = AddressCheck['shutOut'];

const listed = 8;

/** Addresses that have used the key lately and no longer could, each with its last use. */
export function ShutOutList({ shutOut }: { shutOut: ShutOut }) {
  return (
    <ul className="mt-1.5 flex flex-col gap-1">
      {shutOut.slice(0, listed).map(({ address, last_used_at }) => (
        <li key={address}>
          <Address address={address} />, last used <Time at={last_used_at} relative />
        </li>
      ))}
      {shutOut.length > listed && <li>and {(shutOut.length - listed).toLocaleString()} more</li>}
    </ul>
  );
}

/** Asks before a list is saved that shuts somebody out. */
export function ShutOutConfirm({ shutOut, onConfirm, onClose }: ShutOutConfirmProps) {
  return (
    <Confirm
      open={shutOut !== null}
      title={shutOut?.length === 1 ? 'Shut this address out?' : 'Shut these addresses out?'}
      action="Save and shut out"
      busy={false}
      error={null}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      <p>The key was used from there in the last 30 days. From the next request on it is answered 403 there.</p>
      <ShutOutList shutOut={shutOut ?? []} />
    </Confirm>
  );
}

interface ShutOutConfirmProps {
  shutOut: ShutOut | null;
  onConfirm: () => void;
  onClose: () => void;
}
