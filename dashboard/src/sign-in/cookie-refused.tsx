import { Notice } from '../ui/notice.tsx';

export function CookieRefused() {
  return (
    <Notice kind="warning" title="Your browser did not keep the sign-in cookie">
      <p>
        Without it you would be signed out on every page. Allow cookies for {location.host}, then sign in again. The
        cookie holds nothing but your sign-in, and no script can read it.
      </p>
    </Notice>
  );
}
