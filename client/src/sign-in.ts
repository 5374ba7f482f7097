import { type AccessToken, type AccessTokenAnswer, toAccessToken } from './access-token.ts';
import type { Entered } from './entrance.ts';
import { InksongError } from './errors.ts';
import type { Tabs } from './tabs.ts';

export type SignInState = 'signed-in' | 'signed-out';

/** A token about to expire is replaced before a request needs it, in milliseconds. */
const refreshAheadMs = 60_000;
/**
 * Whether this tab is signed in, and the access token, which is kept nowhere but here. Every answer that sets the
 * refresh cookie is awaited one at a time, in all tabs.
 */
export class SignIn {
  readonly #askRefresh: () => Promise<AccessTokenAnswer>;
  readonly #tabs: Tabs;
  readonly #listeners = new Set<(state: SignInState) => void>();
  #signedIn = false;
  #token: AccessToken | null = null;
  /** Whose tokens these have been since signing in. */
  #accountId: string | null = null;
  /** Goes up with every sign-in and sign-out: what was under way before must change nothing after. */
  #epoch = 0;
  #refreshing: Promise<AccessToken> | null = null;

  constructor(askRefresh: () => Promise<AccessTokenAnswer>, createTabs: (onSignedOut: () => void) => Tabs) {
    this.#askRefresh = askRefresh;
    this.#tabs = createTabs(() => this.#forget());
  }

  get isSignedIn(): boolean {
    return this.#signedIn;
  }

  /** Calls `listener` at every change from now on. Returns what ends that. */
  subscribe(listener: (state: SignInState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Returns what `ask` was answered, and signs in when a token came with it. Throws what `ask` throws. */
  async start<Result>(ask: () => Promise<Entered<Result>>): Promise<Result> {
    const epoch = this.#epoch;
    const { answer, askedAtMs } = await this.#tabs.exclusively(() => timed(ask));
    if (answer.token !== null) {
      if (epoch !== this.#epoch) throw superseded();
      this.#epoch += 1;
      this.#keep(toAccessToken(answer.token, askedAtMs));
    }
    return answer.result;
  }

  /** Signs in by the cookie. Returns whether there was a session; throws when that could not be found out. */
  async restore(): Promise<boolean> {
    try {
      await this.#refresh();
      return true;
    } catch (error) {
      if (isRefused(error)) return false;
      throw error;
    }
  }

  /** Signs out by whatever `ask` asks, in all tabs. When it throws, so does this, and the session goes on. */
  async end(ask: (secret: string | null) => Promise<void>): Promise<void> {
    const secret = this.#token?.secret ?? null;
    // Nothing may use the token any more, and an answer that is still to come must not bring another.
    this.#epoch += 1;
    this.#token = null;
    await this.#tabs.exclusively(() => ask(secret));
    this.forgetEverywhere();
  }

  /** The session has ended by other means: signs out in all tabs. */
  forgetEverywhere(): void {
    this.#forget();
    this.#tabs.tellSignedOut();
  }

  /**
   * Lets `attempt` ask with the access token, refreshed when it is about to expire; when `isExpired` says so of the
   * answer, refreshes and lets it ask once more. Signed out, it asks without a token, to be refused by the server.
   */
  async authorize(
    attempt: (secret: string | null) => Promise<Response>,
    isExpired: (response: Response) => boolean,
  ): Promise<Response> {
    if (!this.#signedIn) return attempt(null);
    const epoch = this.#epoch;
    const token = await this.#usableToken();
    const response = await attempt(token.secret);
    if (!isExpired(response) || epoch !== this.#epoch) return response;
    // Another request may have met the same and refreshed already.
    const current: AccessToken | null = this.#token;
    const next = current !== null && current !== token ? current : await this.#refresh();
    await response.body?.cancel();
    return attempt(next.secret);
  }

  async #usableToken(): Promise<AccessToken> {
    const token = this.#token;
    const restMs = token === null ? 0 : token.expiresAtMs - performance.now();
    if (token !== null && restMs > refreshAheadMs) return token;
    try {
      return await this.#refresh();
    } catch (error) {
      // Not refreshed in time is no harm while the token is good and nobody has signed out.
      if (token !== null && restMs > 0 && token === this.#token) return token;
      throw error;
    }
  }

  #refresh(): Promise<AccessToken> {
    this.#refreshing ??= this.#refreshOnce().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #refreshOnce(): Promise<AccessToken> {
    const epoch = this.#epoch;
    try {
      const { answer, askedAtMs } = await this.#tabs.exclusively(async () => {
        if (epoch !== this.#epoch) throw superseded();
        return timed(this.#askRefresh);
      });
      if (epoch !== this.#epoch) throw superseded();
      const token = toAccessToken(answer, askedAtMs);
      // Somebody has signed in as somebody else in another tab. What this tab shows must not be sent in their name.
      if (this.#accountId !== null && token.accountId !== this.#accountId) {
        this.#forget();
        throw superseded();
      }
      this.#keep(token);
      return token;
    } catch (error) {
      if (isRefused(error) && epoch === this.#epoch) this.#forget();
      throw error;
    }
  }

  #keep(token: AccessToken): void {
    this.#token = token;
    this.#accountId = token.accountId;
    this.#become(true);
  }

  #forget(): void {
    // Nobody was signed in: a sign-in that waits its turn behind a refused refresh must still count, or its key is lost.
    if (!this.#signedIn) return;
    this.#epoch += 1;
    this.#token = null;
    this.#accountId = null;
    this.#become(false);
  }

  #become(signedIn: boolean): void {
    if (this.#signedIn === signedIn) return;
    this.#signedIn = signedIn;
    for (const listener of [...this.#listeners]) listener(signedIn ? 'signed-in' : 'signed-out');
  }
}

async function timed<T>(ask: () => Promise<T>): Promise<{ answer: T; askedAtMs: number }> {
  const askedAtMs = performance.now();
  return { answer: await ask(), askedAtMs };
}

/** Only Inksong's own 401 says that a session is over: a proxy's, an outage or a lost connection does not. */
function isRefused(error: unknown): boolean {
  return error instanceof InksongError && error.status === 401 && error.code === 'invalid_credentials';
}

function superseded(): DOMException {
  return new DOMException('Somebody signed in or out meanwhile.', 'AbortError');
}
