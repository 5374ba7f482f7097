import { Button } from '../ui/button.tsx';
import { Notice } from '../ui/notice.tsx';
import { restoreSession } from './session.ts';
import { Wordmark } from './wordmark.tsx';

/** While it is not known yet whether this browser is signed in. */
export function Waiting() {
  return (
    <main className="grid min-h-dvh place-items-center" aria-busy="true">
      <div role="status" className="animate-pulse">
        <h1 className="sr-only">Inksong</h1>
        <Wordmark />
        <span className="sr-only">Looking whether you are signed in …</span>
      </div>
    </main>
  );
}

/** While the server cannot be asked; it is being asked again by itself. */
export function Unreachable() {
  return (
    <main className="mx-auto grid min-h-dvh max-w-md place-items-center px-4">
      <div className="w-full">
        <h1 className="mb-4">
          <Wordmark />
        </h1>
        <Notice
          kind="warning"
          title="The server cannot be reached"
          action={<Button onClick={() => void restoreSession()}>Try now</Button>}
        >
          <p>You are not signed out. This page goes on by itself as soon as the server answers.</p>
        </Notice>
      </div>
    </main>
  );
}
