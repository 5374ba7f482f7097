import type { EndedCredentials } from '../database/ended-credentials.ts';
import { count } from './output.ts';

/** What a command tells of what it has ended, in JSON. */
export function endedView(ended: EndedCredentials) {
  return {
    ended_sessions: ended.endedSessions,
    ended_invitations: ended.endedInvitations,
    ended_links: ended.endedLinks,
    killed_keys: ended.killedKeys,
  };
}

/** The same for people, and what to think of now. `command` is what kills keys. */
export function endedText(ended: EndedCredentials, killKeys: boolean, command: string): string {
  const things = [
    count(ended.endedSessions, 'session'),
    count(ended.endedInvitations, 'invitation'),
    count(ended.endedLinks, 'mailed link'),
  ];
  const keys = killKeys
    ? `${count(ended.killedKeys, 'key')} void: everybody signs in and rotates.`
    : `Keys rotated after the backup was made work again in their old form; ${command} with --kill-keys if one of them had leaked.`;
  return `Ended ${things.join(', ')}.\n${keys}`;
}
