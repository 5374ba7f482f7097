import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import { KeyReveal } from '../api-key/key-reveal.tsx';
import { Page } from '../ui/page.tsx';
import { cookieKept } from './cookie-kept.ts';
import { CookieRefused } from './cookie-refused.tsx';

/**
 * What a person sees when their account has been made, however that came about. The key comes first: whether the cookie
 * was kept is asked while it is shown, since no other answer will bring the key again.
 */
export function WelcomePage({ apiKey }: { apiKey: string }) {
  const navigate = useNavigate();
  const [done, setDone] = useState(false);
  const [refused, setRefused] = useState(false);
  useEffect(() => {
    void cookieKept().then((kept) => setRefused(!kept));
  }, []);
  return (
    <Page title="Welcome" about="Your account is ready. Here is its API key.">
      {refused && <CookieRefused />}
      {!done && (
        <KeyReveal
          apiKey={apiKey}
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
