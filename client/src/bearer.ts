import type { Authorize } from './api.ts';
import type { SignIn } from './sign-in.ts';

/** Calls that answer 401 for a wrong password too. Asking again would count as another wrong one. */
const provesPassword = /\/auth\/(reauthenticate|password)$/;

/** Returns how to ask as whoever is signed in. */
export function bearer(signIn: SignIn): Authorize {
  return (path, attempt) =>
    signIn.authorize(
      (secret) => attempt(secret === null ? {} : { Authorization: `Bearer ${secret}` }),
      ({ status, headers }) =>
        status === 401 && (!provesPassword.test(path) || /invalid_token/.test(headers.get('WWW-Authenticate') ?? '')),
    );
}
