import { type Compilable, type CompiledQuery, type Expression, sql } from '#kysely';
import type { ReadRows, Runner } from './engine.ts';

/** Where values are to stand in a query, by their names. */
export type Slots<Values> = { readonly [Name in keyof Values]: Expression<Values[Name]> };

/** Stands for a value among the parameters of a compiled query. */
class Slot {
  readonly name: PropertyKey;
  constructor(name: PropertyKey) {
    this.name = name;
  }
}

/**
 * Returns a query that is built and compiled when it is first run, and from then on only run, by itself or in a
 * transaction: for reads that nearly every request makes, where building costs more than running. What is kept is its
 * text, never a row.
 * @param build is given what to write where a value is to stand
 */
export function prepareQuery<Values extends object, Row>(
  build: (slots: Slots<Values>) => Compilable<Row>,
): (runner: Runner, values: Values) => Promise<Row[]> {
  return compiledOnce(() => build(new Proxy({} as Slots<Values>, { get: (_, name) => slot(name) })));
}

/** Returns what reads the rows of some different keys by one statement, prepared for each number of them. */
export function prepareRead<Row>(build: (keys: readonly Expression<string>[]) => Compilable<Row>): ReadRows<Row> {
  const prepared: ReadRows<Row>[] = [];
  return (runner, keys) => {
    const read = prepared[keys.length] ?? compiledOnce(() => build(keys.map((_, index) => slot(index))));
    prepared[keys.length] = read;
    return read(runner, keys);
  };
}

function slot<Value>(name: PropertyKey): Expression<Value> {
  return sql<Value>`${new Slot(name)}`;
}

function compiledOnce<Values extends object, Row>(build: () => Compilable<Row>) {
  let compiled: CompiledQuery<Row> | undefined;
  return async (runner: Runner, values: Values): Promise<Row[]> => {
    compiled ??= build().compile();
    const parameters = compiled.parameters.map((parameter) =>
      parameter instanceof Slot ? values[parameter.name as keyof Values] : parameter,
    );
    return (await runner.executeQuery<Row>({ ...compiled, parameters })).rows;
  };
}
