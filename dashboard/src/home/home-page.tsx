import { Page } from '../ui/page.tsx';
import { NextSteps } from './next-steps.tsx';
import { Quickstart } from './quickstart.tsx';
import { UsagePanel } from './usage-panel.tsx';

export function HomePage() {
  return (
    <Page title="Home">
      <NextSteps />
      <Quickstart />
      <UsagePanel />
    </Page>
  );
}
