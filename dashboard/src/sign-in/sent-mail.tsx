import { useState } from 'react';
import { inksong } from '../app/session.ts';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { Page } from '../ui/page.tsx';
import { useSubmit } from '../ui/use-submit.ts';

/** After asking for an account that a mail is to confirm; says the same whether or not the address has one. */
export function SentMail({ email, onOtherAddress }: { email: string; onOtherAddress: () => void }) {
  const [again, setAgain] = useState(false);
  const resend = useSubmit(async () => {
    await inksong.resendVerification({ email });
    setAgain(true);
  });
  return (
    <Page
      title="Look into your mail"
      about={
        <>
          A link is on its way to <span className="wrap-anywhere">{email}</span>. It is good for 30 minutes.
        </>
      }
    >
      <form onSubmit={resend.onSubmit} className="flex flex-col gap-3 text-sm">
        <p>Nothing there? Look for it among the unwanted mail, or have it sent again.</p>
        {resend.error ? <Failure error={resend.error} /> : null}
        <div className="flex flex-wrap items-center gap-3">
          <Button type="submit" busy={resend.busy}>
            Send it again
          </Button>
          <Button kind="quiet" onClick={onOtherAddress}>
            Use another address
          </Button>
          <span role="status">{again && !resend.busy && !resend.error ? 'Sent again.' : ''}</span>
        </div>
      </form>
    </Page>
  );
}
