import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { headingId } from './markdown.ts';
import { type Field, fieldsOf, type Schema, typeText } from './schema-text.ts';

const program = join(import.meta.dirname, '../../server/bin/inksong.js');

interface Content {
  schema?: Schema;
  example?: unknown;
}

interface Operation {
  summary: string;
  description?: string;
  tags: string[];
  security: Record<string, string[]>[];
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema: Schema }[];
  requestBody?: { required?: boolean; content: Record<string, Content> };
  responses: Record<string, { description: string; content?: Record<string, Content> }>;
}

interface OpenApi {
  info: { description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/**
 * Returns the API reference as Markdown, made from what the server says of itself. Throws when the server's command
 * fails, as while the dashboard or the other pages are not built.
 */
export function referenceText(): string {
  const document = readOpenApi();
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const rooms = document.tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    const list = own.map(
      ({ method, path, operation: { summary } }) => `- [${summary}](#${headingId(summary)}): \`${method} ${path}\``,
    );
    return `## ${name}\n\n${description}\n\n${list.join('\n')}\n\n${own.map((each) => operationText(each.method, each.path, each.operation)).join('\n\n')}`;
  });
  const { Problem } = document.components.schemas;
  if (!Problem) throw new Error('The OpenAPI document has no schema called Problem.');
  return `# API reference

${document.info.description}

The server is \`http://localhost:8080\`. For programs, the same is at [/openapi.json](/openapi.json) (OpenAPI 3.1);
[Authentication](authentication.md) has samples to begin with, and [Errors](errors.md) tells what to do about each code.

${rooms.join('\n\n')}

## Problems

The body of every refusal, \`application/problem+json\`.

${fieldTable(fieldsOf(Problem))}
`;
}

function readOpenApi(): OpenApi {
  // Without the settings that whoever builds may have for a server of their own, be it in a .env file.
  const options = { encoding: 'utf8', env: {}, cwd: import.meta.dirname, maxBuffer: 16 * 1024 ** 2 } as const;
  return JSON.parse(execFileSync(process.execPath, [program, 'openapi'], options)) as OpenApi;
}

function operationText(method: string, path: string, operation: Operation): string {
  const { summary, description, security, parameters = [], requestBody, responses } = operation;
  const parts = [`### ${summary}`, `\`${method} ${path}\``];
  if (description !== undefined) parts.push(description);
  parts.push(`**Access:** ${accessText(security)}`);
  if (parameters.length > 0) {
    const rows = parameters.map(({ name, in: place, required = false, description: about = '', schema }) => ({
      cells: [`\`${name}\``, required ? `${place}, required` : place, typeText(schema), about],
    }));
    parts.push('**Parameters**', table(['Name', 'Where', 'Type', 'Meaning'], rows));
  }
  for (const [type, content] of Object.entries(requestBody?.content ?? {})) {
    parts.push(`**Body**, ${typeName(type)}${requestBody?.required ? '' : ', which may be left out'}`);
    parts.push(...contentText(content));
    const example = content.example ?? content.schema?.examples?.[0];
    if (example !== undefined) parts.push(`\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\``);
  }
  const good = Object.entries(responses).filter(([status]) => Number(status) < 400);
  for (const [status, { description: about, content = {} }] of good) {
    parts.push(`**Answer ${status}**: ${about}`);
    for (const [type, each] of Object.entries(content)) parts.push(`As ${typeName(type)}.`, ...contentText(each));
  }
  const bad = Object.entries(responses).filter(([status]) => Number(status) >= 400);
  const rows = bad.map(([status, { description: about }]) => ({
    cells: [status, about.replaceAll(/`(\w+)`:/g, '[`$1`](errors.md#$1):')],
  }));
  parts.push('**Refusals**', table(['Status', 'Codes'], rows));
  return parts.join('\n\n');
}

/** What a caller has to send, in the words of the guide. */
function accessText(security: readonly Record<string, string[]>[]): string {
  const schemes = security.flatMap((each) => Object.keys(each)).sort();
  const texts: Record<string, string> = {
    '': 'anybody.',
    'apiKey bearer': 'an API key in `X-API-Key`, or a Bearer token.',
    apiKey: 'an API key in `X-API-Key`; a Bearer token is answered 403 `api_key_required`.',
    bearer: 'a Bearer token; a key is answered 403 `session_required`.',
    refreshCookie: 'the refresh cookie, from a page of the server’s own site.',
  };
  const text = texts[schemes.join(' ')];
  if (text === undefined) throw new Error(`The reference has no words for the schemes ${schemes.join(', ')}.`);
  return text;
}

function typeName(type: string): string {
  return type === '*/*' ? 'bytes of any type' : `\`${type}\``;
}

function contentText({ schema }: Content): string[] {
  const fields = schema ? fieldsOf(schema) : [];
  return fields.length === 0 ? [] : [fieldTable(fields)];
}

function fieldTable(fields: readonly Field[]): string {
  const rows = fields.map(({ name, type, required, about }) => ({
    cells: [`\`${name}\``, required ? `${type}, required` : type, about],
  }));
  return table(['Field', 'Type', 'Meaning'], rows);
}

function table(head: readonly string[], rows: readonly { cells: readonly string[] }[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(({ cells }) => line(cells))].join('\n');
}
