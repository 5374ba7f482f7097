import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { flushSync } from 'react-dom';
import { KeyReveal } from '../api-key/key-reveal.tsx';
import { Page } from '../ui/page.tsx';
import { CookieRefused } from './cookie-refused.tsx';

export interface NewAccount {
  /** The secret; held by the page alone. */
  apiKey: string;
  cookieKept: boolean;
}

/** What a person sees when their account has been made, however that came about. */
export function WelcomePage({ account }: { account: NewAccount }) {
  const navigate = useNavigate();
  const [done, setDone] = useState(false);
  return (
    <Page title="Welcome" about="Your account is ready. Here is its API key.">
      {!account.cookieKept && <CookieRefused />}
      {!done && (
        <KeyReveal
          apiKey={account.apiKey}
          doneLabel="Go on"
          onDone={() => {
            // Gone before leaving, or it would ask whether to leave without it.
            flushSync(() => setDone(true));
            void navigate({ to: '/', replace: true });
          }}
        />
      )}
    </Page>
  );
}
