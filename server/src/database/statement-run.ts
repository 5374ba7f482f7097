import { createSignal } from '../signal.ts';

/** One SQL statement was run, whether it succeeded or not. */
export const statementRun = createSignal<{ sql: string; seconds: number }>('statement-run');
