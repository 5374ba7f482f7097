import type { ApiKey } from '@inksong/client';
import type { ReactNode } from 'react';
import { Panel } from '../ui/panel.tsx';
import { Time } from '../ui/time.tsx';
import { addressSummary } from './address-lines.ts';
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
                  <span className="font-mono text-[0.8125rem] break-all">{apiKey.last_used_ip}</span>
                </>
              )}
            </>
          ) : (
            'Not yet'
          )}
        </Fact>
        <Fact label="May be used from">
          <span className="break-words">{addressSummary(apiKey.allowed_ips)}</span>
        </Fact>
        <Fact label="Rotated">{apiKey.rotated_at ? <Time at={apiKey.rotated_at} relative /> : 'Never'}</Fact>
        <Fact label="Created">
          <Time at={apiKey.created_at} />
        </Fact>
      </dl>
    </Panel>
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
