import type { ApiKey } from '@inksong/client';
import { CircleCheck, Radio } from 'lucide-react';
import { Panel } from '../ui/panel.tsx';
import { Time } from '../ui/time.tsx';
import { Address } from './address.tsx';

/** Who still sends a key from before the last rotation. */
export function RetiredKey({ retired }: { retired: NonNullable<ApiKey['retired']> }) {
  const { attempts, last_attempt_at: at, last_attempt_ip: address } = retired;
  const isTried = attempts > 0;
  const Icon = isTried ? Radio : CircleCheck;
  return (
    <Panel
      title="The old key"
      about={
        <>
          Replaced <Time at={retired.rotated_at} relative />. This follows by itself, a few seconds late.
        </>
      }
    >
      <div className={`flex gap-3 rounded-lg p-3.5 text-sm ${isTried ? 'bg-warn-soft' : 'bg-good-soft'}`}>
        <Icon size={18} className={`mt-0.5 shrink-0 ${isTried ? 'text-warn' : 'text-good'}`} aria-hidden />
        <div className="min-w-0">
          {isTried ? (
            <>
              <p className="font-semibold">
                Still using the old key: {attempts === 1 ? '1 request' : `${attempts.toLocaleString()} requests`}
                {address && (
                  <>
                    {', last from '}
                    <Address address={address} />
                  </>
                )}
                {at && (
                  <>
                    , <Time at={at} relative />
                  </>
                )}
              </p>
              <p className="mt-1">
                All were refused. If the address is yours, something there still needs the new key. If not, the old key
                is known to somebody else, and no longer of use to them.
              </p>
            </>
          ) : (
            <p>Nobody has tried the old key since.</p>
          )}
        </div>
      </div>
      {/* Read out when it begins and when somebody else does it, not at each request or minute. */}
      <p role="status" className="sr-only">
        {isTried && `The old key is still being used${address === null ? '' : `, last from ${address}`}.`}
      </p>
    </Panel>
  );
}
