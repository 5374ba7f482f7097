import { AppError } from '../../app-error.ts';
import type { Transaction } from '../../database/database.ts';
import type { Events } from '../../events/events.ts';
import type { Guesses } from '../../limits/guesses.ts';
import type { CallingSession, OwnSessions } from '../sessions/own-sessions.ts';
import type { Device } from '../sessions/sessions.ts';
import type { Passwords } from './password.ts';

export interface PasswordChangeStore {
  find(accountId: string): Promise<{ email: string; passwordHash: string } | null>;
  /**
   * In one transaction with `alongside`, replaces the password and tells the owner by mail. Returns whether the account
   * was enabled and still had the password that was proved.
   */
  replace(
    change: { accountId: string; provedHash: string; newHash: string; address: string },
    alongside: (trx: Transaction) => Promise<void>,
  ): Promise<boolean>;
}

export type PasswordChange = ReturnType<typeof createPasswordChange>;

export interface PasswordChangeOptions {
  store: PasswordChangeStore;
  passwords: Passwords;
  ownSessions: OwnSessions;
  events: Pick<Events, 'record' | 'gather'>;
  guesses: Pick<Guesses, 'attempt'>;
}

export function createPasswordChange({ store, passwords, ownSessions, events, guesses }: PasswordChangeOptions) {
  const wrongPassword = () => new AppError('invalid_credentials', { detail: 'The current password is wrong.' });

  return {
    /**
     * Gives an account another password. Every other session ends; the calling one goes on, freshly authenticated. The
     * API key stays. Throws `invalid_credentials` for a wrong current password, `validation_failed` for a bad new one, and
     * `rate_limited` after too many wrong ones.
     */
    async change(
      calling: CallingSession,
      { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
      device: Device,
    ): Promise<void> {
      const { accountId, sessionId } = calling;
      const account = await store.find(accountId);
      if (!account) throw wrongPassword();
      await guesses.attempt(account.email, device, async (succeed) => {
        if (!(await passwords.verify(account.passwordHash, currentPassword))) {
          events.gather({ accountId, kind: 'reauthentication_failed', ...device });
          throw wrongPassword();
        }
        await passwords.requireGood(newPassword, { email: account.email, pointer: '/new_password' });
        const newHash = await passwords.hash(newPassword);
        const change = { accountId, provedHash: account.passwordHash, newHash, address: device.address };
        const replaced = await store.replace(change, async (trx) => {
          await succeed(trx, accountId);
          // Ended while the passwords were being hashed, by somebody who meant to shut this session out.
          if (!(await ownSessions.keepOnly(trx, calling))) throw new AppError('invalid_credentials');
          await events.record(trx, {
            kind: 'password_changed',
            accountId,
            ...device,
            sessionId,
            apiKeyId: null,
            details: {},
          });
        });
        if (!replaced) throw wrongPassword();
      });
    },
  };
}
