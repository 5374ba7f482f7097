import type { EventLog } from '../log.ts';
import { inSlices } from '../slices.ts';
import { composeMail } from './compose.ts';
import type { LetterKind, Mail, MailDetails, MailKind } from './mail.ts';
import { hashLinkToken, type LinkPurpose, linkOf, linkTtlSeconds, mintLinkToken } from './mailed-link.ts';

/** A mail that this process alone may send until its lease is over. */
export interface LeasedMail {
  id: string;
  kind: MailKind;
  recipient: string;
  accountId: string | null;
  passwordHash: string | null;
  details: MailDetails;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** This one included. */
  attempts: number;
  /** Names the lease: whoever takes the row over moves it. */
  dueAt: number;
}

export interface OutboxStore {
  /** Returns up to `limit` mails that are due, the longest due first. */
  due(limit: number): Promise<{ id: string; dueAt: number }[]>;
  /** Moves the due time ahead if nobody else has; null when somebody has. Of several processes at most one gets the mail. */
  lease(id: string, dueAt: number, leaseSeconds: number): Promise<LeasedMail | null>;
  /**
   * Settles what an asked mail has to say by now, and where that is a link, stores its hash in place of the earlier ones
   * of its purpose and address. Null when there is nothing to say, as to an address without an account.
   */
  settle(
    mail: LeasedMail,
    link: { hash: string; ttlSeconds: number },
  ): Promise<{ letter: LetterKind; purpose: LinkPurpose | null } | null>;
  /** Forgets a mail that is done with, unless the lease has passed to somebody else. */
  remove(mail: LeasedMail): Promise<void>;
  /** Lets a mail be tried again later. */
  postpone(mail: LeasedMail, seconds: number): Promise<void>;
  /** Forgets up to `limit` links that expired long ago. Returns how many. */
  purgeLinks(limit: number): Promise<bigint>;
  /** Removes up to `limit` mails older than this, and returns them. */
  giveUp(olderThanSeconds: number, limit: number): Promise<{ id: string; kind: string; attempts: number }[]>;
}

export interface MailTransport {
  /** Resolves when the mail is in other hands, and returns what the log says of it. Rejects when it is not. */
  send(mail: Mail): Promise<Record<string, string>>;
}

/** A mail server is given up on well before that, so a lease that ends is one of a process that died. */
const leaseSeconds = 300;
/** A stopping process waits so long for the mail it is sending, milliseconds. */
const stopMs = 5_000;
const firstRetrySeconds = 5;
const longestRetrySeconds = 3600;
const giveUpSeconds = 3 * 24 * 3600;
const batch = 50;

export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox(store: OutboxStore, transport: MailTransport, publicUrl: string, log: EventLog) {
  let stopping = false;
  const leftBehind = new Error('The process is stopping.');
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => {});

  return {
    /**
     * Sends what is due, one mail after the other, a few dozen at most and until the mail server fails.
     * Returns how many mails were sent. Any number of processes may do this on one database.
     */
    async deliverDue(): Promise<number> {
      let sent = 0;
      for (const { id, dueAt } of await store.due(batch)) {
        if (stopping) break;
        const mail = await store.lease(id, dueAt, leaseSeconds);
        if (!mail) continue;
        const outcome = await deliver(mail);
        if (outcome === 'sent') sent++;
        // The others would wait for the same time-out; they are tried again in a moment.
        if (outcome === 'failed') break;
      }
      return sent;
    },

    /** Gives up on mails that could not be sent for three days, and forgets links that expired long ago. */
    async purge(stop?: AbortSignal): Promise<void> {
      await inSlices(async (rows) => {
        const givenUp = await store.giveUp(giveUpSeconds, rows);
        for (const { id, kind, attempts } of givenUp) {
          log.warn({ mail_id: id, kind, attempts }, 'a mail could not be sent for three days and is given up');
        }
        return givenUp.length;
      }, stop);
      await inSlices((rows) => store.purgeLinks(rows), stop);
    },

    /** Lets a delivery that is under way end with the mail it is at; after five seconds that one is left to its lease. */
    stop(): void {
      stopping = true;
      setTimeout(() => stopped.reject(leftBehind), stopMs).unref();
    },
  };

  async function deliver(mail: LeasedMail): Promise<'sent' | 'dropped' | 'failed'> {
    const token = mintLinkToken();
    const settled = await store.settle(mail, { hash: hashLinkToken(token), ttlSeconds: linkTtlSeconds });
    if (!settled) {
      await store.remove(mail);
      return 'dropped';
    }
    const { id, kind, recipient, createdAt, details, attempts } = mail;
    const link = settled.purpose === null ? null : linkOf(publicUrl, settled.purpose, token);
    const letter = composeMail(recipient, { kind: settled.letter, publicUrl, link, at: createdAt, details });
    try {
      const where = await Promise.race([transport.send(letter), stopped.promise]);
      log.info({ mail_id: id, kind, ...where }, 'mail sent');
    } catch (error) {
      // It may still be sent, so the lease stays.
      if (error === leftBehind) return 'failed';
      const retrySeconds = Math.min(firstRetrySeconds * 2 ** (attempts - 1), longestRetrySeconds);
      await store.postpone(mail, retrySeconds);
      const facts = { mail_id: id, kind, attempts, retry_in_seconds: retrySeconds, ...faultOf(error, token) };
      log.warn(facts, 'a mail could not be sent and will be tried again');
      return 'failed';
    }
    await store.remove(mail);
    return 'sent';
  }
}

/** What a mail server says may quote the mail, and so its link. */
function faultOf(error: unknown, token: string): { code: string | null; fault: string } {
  const { code, message } = error as NodeJS.ErrnoException;
  return { code: code ?? null, fault: String(message).replaceAll(token, '[redacted]').slice(0, 500) };
}
