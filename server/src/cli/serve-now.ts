import { withConfig } from './with-services.ts';

/** Serves until something stops it, then ends the process: what still holds the event loop open has had its time. */
export async function serveNow(said: NodeJS.ProcessEnv = {}): Promise<never> {
  const exitCode = await withConfig(async (config) => (await import('../main.ts')).serve(config), said);
  process.exit(exitCode);
}
