import { Button } from '../ui/button.tsx';
import { Notice } from '../ui/notice.tsx';

/** When a page's own code could not be fetched or broke: after an upgrade of the server, its older files are gone. */
export function PageFailed() {
  return (
    <main className="mx-auto max-w-md px-4 py-16">
      <h1 className="sr-only">Inksong</h1>
      <Notice
        kind="error"
        title="This page could not be shown"
        action={<Button onClick={() => location.reload()}>Load again</Button>}
      >
        <p>The connection may have been cut, or Inksong was upgraded since you opened it.</p>
      </Notice>
    </main>
  );
}
