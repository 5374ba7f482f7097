import { hash, randomBytes } from 'node:crypto';
import { AppError } from '../../app-error.ts';
import type { Transaction } from '../../database/database.ts';
import type { Events } from '../../events/events.ts';
import { newId } from '../../id.ts';
import type { Guesses } from '../../limits/guesses.ts';
import { inSlices } from '../../slices.ts';
import { operator } from '../actor.ts';
import type { ApiKeys } from '../api-keys/api-keys.ts';
import type { Device, Sessions, SessionTokens, StartedSession } from '../sessions/sessions.ts';
import { parseEmail, requireEmail } from './email.ts';
import type { Passwords } from './password.ts';

export interface Account {
  id: string;
  email: string;
  /** Milliseconds since 1970. */
  createdAt: number;
  disabledAt: number | null;
}

export interface AccountStore {
  transaction<T>(work: (trx: Transaction) => Promise<T>): Promise<T>;
  /** Throws AppError `email_taken`. */
  insert(trx: Transaction, account: { id: string; email: string; passwordHash: string }): Promise<Account>;
  findByEmail(email: string): Promise<(Account & { passwordHash: string }) | null>;
  findById(accountId: string): Promise<(Account & { passwordHash: string }) | null>;
  /** Locks an account's row until the transaction ends; false when it is disabled, gone or has another password by now. */
  lockUnchanged(trx: Transaction, accountId: string, passwordHash: string): Promise<boolean>;
  list(): Promise<Account[]>;
  /** Returns whether that changed anything. */
  setDisabled(trx: Transaction, accountId: string, disabled: boolean): Promise<boolean>;
  /** Removes the account with its key, sessions and documents. */
  delete(accountId: string): Promise<void>;
  insertInvitation(invitation: { hash: string; email: string; ttlSeconds: number }): Promise<void>;
  /** Uses an invitation up. Returns whether it was good for this address. */
  takeInvitation(trx: Transaction, hash: string, email: string): Promise<boolean>;
  /** Forgets up to `limit` invitations that have expired. Returns how many. */
  purgeInvitations(limit: number): Promise<bigint>;
}

export interface Registered {
  account: Account;
  /** The account's key; shown this once. */
  apiKey: string;
  tokens: SessionTokens;
}

/** An account whose transaction may still be open. */
export interface OpenedAccount {
  account: Account;
  apiKey: string;
  started: StartedSession;
}

/** Seconds a link from `inksong accounts create` is good for. */
const invitationTtlSeconds = 72 * 3600;

export type Accounts = ReturnType<typeof createAccounts>;

export interface AccountsOptions {
  store: AccountStore;
  apiKeys: ApiKeys;
  sessions: Sessions;
  passwords: Passwords;
  events: Pick<Events, 'record' | 'gather'>;
  guesses: Guesses;
  signup: 'open' | 'closed';
}

export function createAccounts({ store, apiKeys, sessions, passwords, events, guesses, signup }: AccountsOptions) {
  async function open(
    trx: Transaction,
    owner: { email: string; passwordHash: string },
    device: Device,
  ): Promise<OpenedAccount> {
    const account = await store.insert(trx, { id: newId('acc'), ...owner });
    await guesses.welcome(trx, account, device.address);
    const apiKey = await apiKeys.provision(trx, account.id);
    const started = await sessions.start(trx, account.id, device);
    await events.record(trx, {
      kind: 'account_registered',
      accountId: account.id,
      ...device,
      sessionId: started.sessionId,
      apiKeyId: null,
      details: {},
    });
    return { account, apiKey, started };
  }

  const issue = async ({ account, apiKey, started }: OpenedAccount): Promise<Registered> => ({
    account,
    apiKey,
    tokens: await sessions.issueTokens(started),
  });

  return {
    signup,

    /** Makes an account, its one key and a first session inside `trx`; `issue` once it has committed. Throws `email_taken`. */
    open,

    /** Returns what the owner of a new account gets to see. */
    issue,

    /**
     * Makes an account, its one key and a first session: all of them or nothing.
     * Throws `validation_failed`, `email_taken`, and `signup_closed` when sign-up is closed and the invitation is not good.
     */
    async register(
      input: { email: string; password: string; invitation?: string },
      device: Device,
    ): Promise<Registered> {
      const email = requireEmail(input.email);
      if (signup === 'closed' && input.invitation === undefined) throw new AppError('signup_closed');
      await passwords.requireGood(input.password, { email, pointer: '/password' });
      const passwordHash = await passwords.hash(input.password);

      const opened = await store.transaction(async (trx) => {
        if (
          input.invitation !== undefined &&
          !(await store.takeInvitation(trx, hashInvitation(input.invitation), email))
        ) {
          throw new AppError('signup_closed', {
            detail: 'This link has been used, has expired, or is for another address.',
          });
        }
        return open(trx, { email, passwordHash }, device);
      });
      return issue(opened);
    },

    /**
     * Starts a session. Throws `invalid_credentials` for a wrong password, an unknown address and a disabled account alike,
     * `rate_limited` after too many of them, and `overloaded`.
     */
    login(input: { email: string; password: string }, device: Device): Promise<SessionTokens> {
      return passwords.inTurn(() =>
        guesses.attempt(input.email, device, async (succeed) => {
          const email = parseEmail(input.email);
          const account = email === null ? null : await store.findByEmail(email);
          const matches = await passwords.verify(account?.passwordHash ?? null, input.password);
          const refusal = (): AppError => {
            events.gather({ accountId: account?.id ?? null, kind: 'sign_in_failed', ...device });
            return new AppError('invalid_credentials', { detail: 'E-mail or password is wrong.' });
          };
          if (!account || !matches || account.disabledAt !== null) throw refusal();
          const started = await store.transaction(async (trx) => {
            // While the password was being hashed, the account may have been disabled or given another password.
            if (!(await store.lockUnchanged(trx, account.id, account.passwordHash))) throw refusal();
            await succeed(trx, account.id);
            const started = await sessions.start(trx, account.id, device);
            await events.record(trx, {
              kind: 'signed_in',
              accountId: account.id,
              ...device,
              sessionId: started.sessionId,
              apiKeyId: null,
              details: {},
            });
            return started;
          });
          return sessions.issueTokens(started);
        }),
      );
    },

    /** Proves the password again for a live session. Throws `invalid_credentials`, and `rate_limited` after too many of them. */
    async reauthenticate(
      session: { accountId: string; sessionId: string },
      password: string,
      device: Device,
    ): Promise<void> {
      const { accountId } = session;
      const account = await store.findById(accountId);
      await guesses.attempt(account?.email ?? accountId, device, async (succeed) => {
        if (!(await passwords.verify(account?.passwordHash ?? null, password))) {
          events.gather({ accountId, kind: 'reauthentication_failed', ...device });
          throw new AppError('invalid_credentials', { detail: 'The password is wrong.' });
        }
        await store.transaction((trx) => succeed(trx, accountId));
      });
      await sessions.markAuthenticated(session, device);
    },

    /** Returns a token with which an address can sign up within 72 hours, closed sign-up or not. Throws `email_taken`. */
    async invite(address: string): Promise<{ email: string; token: string; expiresInSeconds: number }> {
      const email = requireEmail(address);
      if (await store.findByEmail(email)) throw new AppError('email_taken');
      const token = randomBytes(32).toString('base64url');
      await store.insertInvitation({ hash: hashInvitation(token), email, ttlSeconds: invitationTtlSeconds });
      return { email, token, expiresInSeconds: invitationTtlSeconds };
    },

    /** Forgets invitations that have expired: the addresses in them are of people who never came. */
    purgeInvitations: (stop?: AbortSignal): Promise<void> => inSlices((rows) => store.purgeInvitations(rows), stop),

    /** Returns the account of an id or e-mail address, or null. */
    find: (idOrEmail: string): Promise<Account | null> =>
      idOrEmail.includes('@') ? store.findByEmail(parseEmail(idOrEmail) ?? '') : store.findById(idOrEmail),

    list: () => store.list(),

    /** Refuses an account's key and ends its sessions, on every node, from the next request on. */
    disable: (accountId: string): Promise<void> =>
      store.transaction(async (trx) => {
        if (await store.setDisabled(trx, accountId, true)) {
          await events.record(trx, { kind: 'account_disabled', accountId, ...operator, apiKeyId: null, details: {} });
        }
        await sessions.endAll(trx, accountId);
      }),

    /** Lets a disabled account in again; its key works as before, its sessions stay ended. */
    enable: (accountId: string): Promise<void> =>
      store.transaction(async (trx) => {
        if (await store.setDisabled(trx, accountId, false)) {
          await events.record(trx, { kind: 'account_enabled', accountId, ...operator, apiKeyId: null, details: {} });
        }
      }),

    /** Ends every session of an account, as an operator. Returns how many were live. */
    endSessions: (accountId: string): Promise<number> =>
      store.transaction(async (trx) => {
        const ended = await sessions.endAll(trx, accountId);
        if (ended > 0) {
          const details = { ended_sessions: String(ended) };
          await events.record(trx, { kind: 'all_sessions_ended', accountId, ...operator, apiKeyId: null, details });
        }
        return ended;
      }),

    delete: (accountId: string): Promise<void> => store.delete(accountId),
  };
}

function hashInvitation(token: string): string {
  return hash('sha256', token, 'hex');
}
