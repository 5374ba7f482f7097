import type { ApiKey } from '@inksong/client';
import type { ReactNode } from 'react';
import { Panel } from '../ui/panel.tsx';
import { Time } from '../ui/time.tsx';
import { Address } from './address.tsx';
import { RenameKey } from './rename-key.tsx';

/** All that is known of a key but the key itself. */
export function KeyFacts({ apiKey }: { apiKey: ApiKey }) {
  return (
    <Panel title={apiKey.name} action={<RenameKey apiKey={apiKey} />}>
      <p className="overflow-x-auto rounded-lg bg-sunken px-4 py-3 font-mono text-lg">
        <span className="sr-only">Masked key: </span>
        {apiKey.hint}
      </p>
      <dl className="mt-5 grid gap-x-6 gap-y-4 sm:grid-cols-2 xl:grid-cols-4">
        <Fact label="Last used">
          {apiKey.last_used_at ? (
            <>
              <Time at={apiKey.last_used_at} relative />
              {apiKey.last_used_ip && (
                <>
                  {' from '}
                  <Address address={apiKey.last_used_ip} />
                </>
              )}
            </>
          ) : (
            'Not yet'
          )}
        </Fact>
        <Fact label="May be used from">
          <AddressSummary allowedIps={apiKey.allowed_ips} />
        </Fact>
        <Fact label="Rotated">{apiKey.rotated_at ? <Time at={apiKey.rotated_at} relative /> : 'Never'}</Fact>
        <Fact label="Created">
          <Time at={apiKey.created_at} />
        </Fact>
      </dl>
    </Panel>
  );
}

const namedAddresses = 3;

function AddressSummary({ allowedIps }: { allowedIps: ApiKey['allowed_ips'] }) {
  if (allowedIps === null) return 'Any address';
  const more = allowedIps.length - namedAddresses;
  return (
    <ul>
      {allowedIps.slice(0, namedAddresses).map((address) => (
        <li key={address}>
          <Address address={address} />
        </li>
      ))}
      {more > 0 && <li>and {more.toLocaleString()} more</li>}
    </ul>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-sm text-muted">{label}</dt>
      <dd className="mt-0.5 text-sm">{children}</dd>
    </div>
  );
}
