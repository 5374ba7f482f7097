import type { ApiKey } from '@inksong/client';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { Page } from '../ui/page.tsx';
import { AllowedAddresses } from './allowed-addresses.tsx';
import { useApiKey } from './api-key-query.ts';
import { KeyFacts } from './key-facts.tsx';
import { RetiredKey } from './retired-key.tsx';
import { RotateKey } from './rotate-key.tsx';

export function ApiKeyPage() {
  const { data: apiKey, error, refetch } = useApiKey();
  return (
    <Page
      title="API key"
      about="It opens the API to your servers. It was shown once, when it was made: here are only its two ends."
      action={apiKey && <RotateKey apiKey={apiKey} />}
    >
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {apiKey && <KeyPanels apiKey={apiKey} />}
      {!apiKey && !error && (
        <>
          <Loading label="Reading your key …" className="h-56" />
          <Loading label="Reading its addresses …" className="h-64" />
        </>
      )}
    </Page>
  );
}

function KeyPanels({ apiKey }: { apiKey: ApiKey }) {
  return (
    <>
      <KeyFacts apiKey={apiKey} />
      {apiKey.retired && <RetiredKey retired={apiKey.retired} />}
      <AllowedAddresses apiKey={apiKey} />
    </>
  );
}
