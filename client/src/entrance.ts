import type { AccessTokenAnswer } from './access-token.ts';
import { type Api, bodyOf } from './api.ts';
import { InksongConnectionError } from './errors.ts';
import type { operations } from './openapi-types.ts';

export type AuthConfig = operations['getAuthConfig']['responses'][200]['content']['application/json'];
type NewAccount = operations['register']['responses'][201]['content']['application/json'];
export type Account = NewAccount['account'];

/** The account is there and signed in; `apiKey` is its key, shown this once. */
export interface Registered {
  status: 'registered';
  account: Account;
  apiKey: string;
}

/** `mailed`: go on with the link in the mail; the answer is the same for an address that has an account. */
export type Registration = Registered | { status: 'mailed'; email: string };
/** `changed`: the account has its new address; nobody was signed in. */
export type Verification = Registered | { status: 'changed' };

/** What came back, and the access token, if one came with it. */
export interface Entered<Result> {
  result: Result;
  token: AccessTokenAnswer | null;
}

/** Longest wait for an answer that sets the cookie, milliseconds: meanwhile no tab gets at it. */
const cookieCallMs = 30_000;
/** How late a refresh may be asked for again: well within the server's ten seconds, after which it ends the session. */
const lostAnswerGraceMs = 5_000;

/** What may be asked without an access token: with the refresh cookie, or with nothing. */
export class Entrance {
  readonly #api: Api;

  /** @param api sends and keeps cookies, and adds no credential of its own */
  constructor(api: Api) {
    this.#api = api;
  }

  config(): Promise<AuthConfig> {
    return bodyOf(this.#api.client.GET('/api/v1/auth/config'));
  }

  async register(details: {
    email: string;
    password: string;
    invitation?: string | undefined;
  }): Promise<Entered<Registration>> {
    const { invitation, ...rest } = details;
    const body = { ...rest, ...(invitation !== undefined && { invitation }) };
    const answer = await bodyOf(this.#api.client.POST('/api/v1/auth/register', { body, signal: timeLimit() }));
    return 'api_key' in answer
      ? registered(answer)
      : { result: { status: 'mailed', email: answer.email }, token: null };
  }

  async verifyEmail(link: { token: string; password?: string | undefined }): Promise<Entered<Verification>> {
    const { token, password } = link;
    const body = { token, ...(password !== undefined && { password }) };
    const { data } = await this.#api.client.POST('/api/v1/auth/email/verify', { body, signal: timeLimit() });
    return data === undefined ? { result: { status: 'changed' }, token: null } : registered(data);
  }

  async login(body: { email: string; password: string }): Promise<Entered<void>> {
    const token = await bodyOf(this.#api.client.POST('/api/v1/auth/login', { body, signal: timeLimit() }));
    return { result: undefined, token };
  }

  /** When an answer got lost the server has replaced the cookie; for a few seconds it gives the same answer again. */
  async refresh(): Promise<AccessTokenAnswer> {
    const ask = () => bodyOf(this.#api.client.POST('/api/v1/auth/refresh', { signal: timeLimit() }));
    const askedAtMs = performance.now();
    try {
      return await ask();
    } catch (error) {
      const tooLate = performance.now() - askedAtMs > lostAnswerGraceMs;
      if (!(error instanceof InksongConnectionError) || tooLate) throw error;
      return ask();
    }
  }

  async forgotPassword(body: { email: string }): Promise<void> {
    await this.#api.client.POST('/api/v1/auth/password/forgot', { body });
  }

  async resetPassword(body: { token: string; new_password: string }): Promise<void> {
    await this.#api.client.POST('/api/v1/auth/password/reset', { body });
  }

  async resendVerification(body: { email: string }): Promise<void> {
    await this.#api.client.POST('/api/v1/auth/email/verify/resend', { body });
  }

  /** @param secret the access token, whose session ends too if it is not the cookie's */
  async logout(secret: string | null): Promise<void> {
    const headers = secret === null ? {} : { Authorization: `Bearer ${secret}` };
    await this.#api.client.POST('/api/v1/auth/logout', { headers, signal: timeLimit() });
  }
}

function registered(answer: NewAccount): Entered<Registered> {
  const { account, api_key, ...token } = answer;
  return { result: { status: 'registered', account, apiKey: api_key }, token };
}

function timeLimit(): AbortSignal {
  return AbortSignal.timeout(cookieCallMs);
}
