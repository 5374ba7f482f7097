import { Page } from '../ui/page.tsx';

export function VerifyEmailPage() {
  return (
    <Page title="Verify">
      <p />
    </Page>
  );
}
