// Loaded before a program under test: kills it, as a crash would, when it is about to send its database the statement
// whose number FAULTS_KILL_AT holds.
import { DatabaseSync, StatementSync } from 'node:sqlite';
import pg from 'pg';

let left = Number(process.env.FAULTS_KILL_AT);

function countCalls(prototype: object, name: string): void {
  const original = Reflect.get(prototype, name) as (...words: unknown[]) => unknown;
  Reflect.set(prototype, name, function (this: unknown, ...words: unknown[]) {
    left -= 1;
    if (left <= 0) process.kill(process.pid, 'SIGKILL');
    return original.apply(this, words);
  });
}

for (const name of ['run', 'all', 'get', 'iterate']) countCalls(StatementSync.prototype, name);
countCalls(DatabaseSync.prototype, 'exec');
countCalls(pg.Client.prototype, 'query');
