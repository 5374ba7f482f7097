import { type Api, createApi } from './api.ts';
import { ApiKeys } from './api-keys.ts';
import { resolveBaseUrl } from './base-url.ts';
import { bearer } from './bearer.ts';
import { BothSchemes } from './both-schemes.ts';
import type { AuthConfig } from './entrance.ts';
import { Entrance, type Registration, type Verification } from './entrance.ts';
import { Events } from './events.ts';
import { type Fetch, globalFetch } from './exchange.ts';
import { Sessions } from './sessions.ts';
import { SignIn, type SignInState } from './sign-in.ts';
import { createTabs } from './tabs.ts';

export interface SessionOptions {
  /** By default the page's own origin. */
  baseUrl?: string;
  /** By default the global one; on Node, give one that keeps cookies. */
  fetch?: Fetch;
}

/** A person who signs in. After a page has loaded, call `restore()` first. */
export class InksongSession extends BothSchemes {
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  readonly events: Events;
  readonly #api: Api;
  readonly #entrance: Entrance;
  readonly #signIn: SignIn;

  /** Throws TypeError for an address that cannot be one. */
  constructor({ baseUrl = '', fetch = globalFetch }: SessionOptions = {}) {
    const server = { baseUrl: resolveBaseUrl(baseUrl), fetch };
    const entrance = new Entrance(
      createApi({ ...server, credentials: 'include', authorize: (_path, attempt) => attempt({}) }),
    );
    const signIn = new SignIn(
      () => entrance.refresh(),
      (onSignedOut) => createTabs(server.baseUrl, onSignedOut),
    );
    const api = createApi({ ...server, authorize: bearer(signIn) });
    super(api);
    this.sessions = new Sessions(api);
    this.apiKeys = new ApiKeys(api);
    this.events = new Events(api);
    this.#api = api;
    this.#entrance = entrance;
    this.#signIn = signIn;
  }

  get isSignedIn(): boolean {
    return this.#signIn.isSignedIn;
  }

  /** Calls `listener` at every change from now on. Returns what ends that. */
  subscribe(listener: (state: SignInState) => void): () => void {
    return this.#signIn.subscribe(listener);
  }

  /** Takes up the session of the cookie. True when there is one, false when not; throws when no answer tells. */
  restore(): Promise<boolean> {
    return this.#signIn.restore();
  }

  /** What a sign-up form needs to know. */
  config(): Promise<AuthConfig> {
    return this.#entrance.config();
  }

  /** Makes an account and signs in, or has a mail sent. Throws `email_taken`, `signup_closed`, `validation_failed`. */
  async register(details: { email: string; password: string; invitation?: string | undefined }): Promise<Registration> {
    return this.#signIn.start(() => this.#entrance.register(details));
  }

  /** Throws `invalid_credentials`, and `rate_limited` with the seconds to wait. */
  async login(credentials: { email: string; password: string }): Promise<void> {
    await this.#signIn.start(() => this.#entrance.login(credentials));
  }

  /** Signs out in all tabs. When it throws, the session goes on: tell the person, and try again. */
  logout(): Promise<void> {
    return this.#signIn.end((secret) => this.#entrance.logout(secret));
  }

  /** Proves the password again, for what wants that: for 15 minutes. Throws `invalid_credentials`. */
  async reauthenticate(body: { password: string }): Promise<void> {
    await this.#api.client.POST('/api/v1/auth/reauthenticate', { body });
  }

  /** Ends all other sessions. Throws `invalid_credentials` for a wrong current password, `validation_failed`. */
  async changePassword({
    currentPassword,
    newPassword,
  }: {
    currentPassword: string;
    newPassword: string;
  }): Promise<void> {
    const body = { current_password: currentPassword, new_password: newPassword };
    await this.#api.client.POST('/api/v1/auth/password', { body });
  }

  /** Has a link mailed, if there is such an account. */
  forgotPassword(account: { email: string }): Promise<void> {
    return this.#entrance.forgotPassword(account);
  }

  /** Sets a new password with a mailed link's token; ends all sessions. Throws `link_invalid`, `validation_failed`. */
  resetPassword({ token, newPassword }: { token: string; newPassword: string }): Promise<void> {
    return this.#entrance.resetPassword({ token, new_password: newPassword });
  }

  /** Has a link mailed to a new address. Throws `reauthentication_required`. */
  async changeEmail(body: { email: string }): Promise<void> {
    await this.#api.client.POST('/api/v1/auth/email', { body });
  }

  /** Uses a mailed link's token: a sign-up is completed and signed in, or an address changed. Throws `link_invalid`. */
  verifyEmail(link: { token: string; password?: string | undefined }): Promise<Verification> {
    return this.#signIn.start(() => this.#entrance.verifyEmail(link));
  }

  /** Has the link of a sign-up mailed again, if there is one. */
  resendVerification(signUp: { email: string }): Promise<void> {
    return this.#entrance.resendVerification(signUp);
  }

  /** Returns a zip archive of all that the account holds, still to be read. Throws `reauthentication_required`. */
  exportData({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<Response> {
    return this.#api.download('/api/v1/me/export', signal);
  }

  /** Deletes the account with all it holds, and signs out. Throws `reauthentication_required`. */
  async deleteAccount(): Promise<void> {
    await this.#api.client.DELETE('/api/v1/me');
    this.#signIn.forgetEverywhere();
  }
}
