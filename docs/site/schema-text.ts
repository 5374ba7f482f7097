/** What of JSON Schema the server's OpenAPI document uses and a reader wants to know. */
export interface Schema {
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  description?: string;
  examples?: unknown[];
  default?: unknown;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
}

export interface Field {
  /** With its parents: `account.id`, `items[].title`. */
  name: string;
  type: string;
  required: boolean;
  about: string;
}

/** Returns the fields of an object and of what is in it, parents first; none of what is no object. */
export function fieldsOf(schema: Schema, prefix = ''): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const name = `${prefix}${key}`;
    const own = {
      name,
      type: typeText(property),
      required: schema.required?.includes(key) ?? false,
      about: aboutText(property),
    };
    const parts = [property, ...(property.anyOf ?? [])].flatMap((part) => [
      ...fieldsOf(part, `${name}.`),
      ...fieldsOf(part.items ?? {}, `${name}[].`),
    ]);
    return [own, ...parts];
  });
}

/** Returns a type and its bounds in words: `string, 1 to 200 characters`. */
export function typeText(schema: Schema): string {
  if (schema.anyOf) return schema.anyOf.map(typeText).join(' or ');
  if (schema.enum)
    return `${schema.enum.length > 1 ? 'one of ' : ''}${schema.enum.map((value) => `\`${value}\``).join(' ')}`;
  const { type = 'any', format, items } = schema;
  const names = [type].flat().map((each) => (each === 'array' && items ? `list of ${nounOf(items)}` : each));
  const bounds = [
    range(schema.minLength, schema.maxLength, ' characters'),
    range(schema.minItems, schema.maxItems, ' entries'),
    range(schema.minimum, schema.maximum, ''),
    schema.default === undefined ? '' : `default \`${schema.default}\``,
  ];
  const name = format === undefined ? names.join(' or ') : `${names.join(' or ')} (${format})`;
  return [name, ...bounds.filter((bound) => bound !== '')].join(', ');
}

function nounOf({ type = 'any' }: Schema): string {
  return `${[type].flat().join(' or ')}s`;
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  const number = (value: number) => value.toLocaleString('en');
  if (least !== undefined && most !== undefined) return `${number(least)} to ${number(most)}${unit}`;
  if (most !== undefined) return `at most ${number(most)}${unit}`;
  return least === undefined ? '' : `at least ${number(least)}${unit}`;
}

function aboutText({ description = '', examples = [], anyOf = [] }: Schema): string {
  const example = [...examples, ...anyOf.flatMap((part) => part.examples ?? [])][0];
  if (example === undefined) return description;
  const shown = typeof example === 'string' ? example : JSON.stringify(example);
  return `${description} For example \`${shown}\`.`.trim();
}
