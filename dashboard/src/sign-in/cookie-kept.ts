import { inksong } from '../app/session.ts';

/**
 * Tells, right after signing in, whether the browser kept the refresh cookie: some are set to keep none. When the server
 * cannot be asked it is taken as kept. When not, this tab is signed out.
 */
export async function cookieKept(): Promise<boolean> {
  try {
    return await inksong.restore();
  } catch {
    return true;
  }
}
