import { Check, Plus } from 'lucide-react';
import { Button } from '../ui/button.tsx';
import { Address } from './address.tsx';
import { readAddressLines } from './address-lines.ts';
import { useYourAddress } from './api-key-query.ts';

/** From where the reader comes, to be added to a list. */
export function YourAddress({ id, text, onAdd }: YourAddressProps) {
  const { data: address } = useYourAddress(id);
  const isListed = readAddressLines(text).some(({ entry }) => entry === address);
  return (
    <div className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 text-sm">
      {address && (
        <>
          <span>
            Your address now is <Address address={address} />
          </span>
          <Button disabled={isListed} onClick={() => onAdd(address)}>
            {isListed ? <Check size={16} aria-hidden /> : <Plus size={16} aria-hidden />}
            {isListed ? 'On the list' : 'Add it'}
          </Button>
        </>
      )}
      {address === null && (
        <span className="text-muted">Your own address cannot be told: a proxy before the server hides it.</span>
      )}
    </div>
  );
}

interface YourAddressProps {
  id: string;
  text: string;
  onAdd: (address: string) => void;
}
