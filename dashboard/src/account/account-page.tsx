import { useQuery } from '@tanstack/react-query';
import { inksong } from '../app/session.ts';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { Page } from '../ui/page.tsx';
import { DeletePanel } from './delete-panel.tsx';
import { EmailPanel } from './email-panel.tsx';
import { ExportPanel } from './export-panel.tsx';
import { PasswordPanel } from './password-panel.tsx';

export function AccountPage() {
  const account = useQuery({
    queryKey: ['account'],
    queryFn: async () => {
      const [me, config] = await Promise.all([inksong.me(), inksong.config()]);
      return { ...me, mails: config.mail, passwordMinLength: config.password_min_length };
    },
  });
  if (account.isError && !account.data) {
    return (
      <Page title="Account">
        <Failure error={account.error} onRetry={() => void account.refetch()} />
      </Page>
    );
  }
  if (!account.data) {
    return (
      <Page title="Account">
        <Loading label="Loading your account …" className="h-96" />
      </Page>
    );
  }
  const { email, mails, passwordMinLength } = account.data;
  return (
    <Page title="Account">
      <EmailPanel email={email} mails={mails} />
      <PasswordPanel email={email} minLength={passwordMinLength} />
      <ExportPanel />
      <DeletePanel email={email} />
    </Page>
  );
}
