import type { TestServer } from '../../test/boot.ts';

/** As much of JSON Schema as the API document uses. */
export interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  examples?: unknown[];
}

export interface Operation {
  path: string;
  method: string;
  body: Schema | null;
  mediaTypes: string[];
  query: { name: string; schema: Schema }[];
}

/** Returns every operation of the API as its own document tells it. */
export function operationsOf(server: TestServer): Operation[] {
  const { paths } = server.app.swagger() as unknown as {
    paths: Record<
      string,
      Record<
        string,
        {
          parameters?: { name: string; in: string; schema: Schema }[];
          requestBody?: { content: Record<string, { schema?: Schema }> };
        }
      >
    >;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      path,
      method: method.toUpperCase(),
      body: requestBody?.content['application/json']?.schema ?? null,
      mediaTypes: Object.keys(requestBody?.content ?? {}),
      query: parameters.filter((parameter) => parameter.in === 'query'),
    })),
  );
}
