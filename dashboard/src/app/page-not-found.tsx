import { Link } from '@tanstack/react-router';
import { Page } from '../ui/page.tsx';

export function PageNotFound() {
  return (
    <main className="mx-auto max-w-md px-4 py-16">
      <Page title="No such page" about="The address may be mistyped, or the page has moved.">
        <p>
          <Link to="/" className="underline underline-offset-4">
            Go to the home page
          </Link>
        </p>
      </Page>
    </main>
  );
}
