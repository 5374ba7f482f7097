// Measures Inksong beside what people would use instead, on this machine and loopback alone, and ends by itself: npm run bench
import { readFileSync, writeFileSync } from 'node:fs';
import { isWanted, readArguments } from './arguments.ts';
import { compareFindings, isRegression, readFindings } from './comparison.ts';
import { fillPage } from './page.ts';
import { addSection, newResult, printResult } from './result.ts';
import { growthSubjects, measureGrowth } from './sections/growth.ts';
import { firstAnswer, measureLists, recipes } from './sections/lists.ts';
import { loginsName, measureLogins } from './sections/logins.ts';
import { measurePostgres, postgresSubjects } from './sections/postgres.ts';
import { measureStarts, startsName } from './sections/starts.ts';
import { measureTransfers, transfersName } from './sections/transfers.ts';
import { fullSizes, quickSizes } from './sizes.ts';
import { inWorkshop } from './workshop.ts';

// Node runs no exit handlers on a signal by itself, and those of the workshop's processes end with this one.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const words = process.argv.slice(2);
const given = readArguments(words);
const before = given.compare === null ? null : readFindings(given.compare);
const result = newResult(['npm run bench --', ...words].join(' '));
const wanted = (names: readonly string[]): string[] => names.filter((name) => isWanted(given, name));
const tell = (text: string): void => void process.stderr.write(`${text} `);

await inWorkshop(given.quick ? quickSizes : fullSizes, async (workshop) => {
  const answer = await firstAnswer(workshop);
  const lists = wanted(Object.keys(recipes));
  if (lists.length > 0) {
    tell(`A list of documents, by ${lists.length} subjects`);
    addSection(result, await measureLists(workshop, lists, answer));
  }
  const growth = wanted(growthSubjects);
  if (growth.length > 0) {
    tell('Many accounts and many documents');
    addSection(result, await measureGrowth(workshop, growth, answer.text));
  }
  const postgres = wanted(postgresSubjects);
  if (postgres.length > 0) {
    tell('PostgreSQL');
    addSection(result, await measurePostgres(workshop, postgres, answer.text));
  }
  for (const [name, measure] of [
    [startsName, measureStarts],
    [transfersName, measureTransfers],
    [loginsName, measureLogins],
  ] as const) {
    if (wanted([name]).length === 0) continue;
    tell(`${name}\n`);
    addSection(result, await measure(workshop));
  }
});

printResult(result);
if (before) {
  const compared = compareFindings(result.findings, before);
  console.table(compared);
  if (isRegression(compared)) {
    console.log('WORSE: a comparison of CPU time has moved by more than two runs of one program differ.');
    process.exitCode = 1;
  }
}
if (given.out !== null) writeFileSync(given.out, `${JSON.stringify(result, null, 2)}\n`);
if (given.page !== null) writeFileSync(given.page, fillPage(readFileSync(given.page, 'utf8'), result));
