import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from '#typebox';

/** Bodies are taken as they are: no field removed, no string turned into a number. */
const strict = new Ajv({
  allErrors: true,
  strict: false,
  removeAdditional: false,
  coerceTypes: false,
  useDefaults: true,
});
/** Queries and paths are text, so `limit=10` must be read as a number. */
const coercing = new Ajv({
  allErrors: true,
  strict: false,
  removeAdditional: false,
  coerceTypes: true,
  useDefaults: true,
});
for (const ajv of [strict, coercing]) addFormats.default(ajv);

export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  httpPart === 'body' ? strict.compile(schema) : coercing.compile(schema);
