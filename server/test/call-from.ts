import { request } from 'node:http';
import { type Answer, type CallOptions, type TestServer, toAnswer } from './boot.ts';
import { checkAnswer } from './openapi-check.ts';

/**
 * Sends a request below /api/v1 from one of this machine's own addresses, 127.0.0.0/8, so that a test can be many clients.
 * The answer is checked against /openapi.json.
 */
export async function callFrom(
  address: string,
  server: Pick<TestServer, 'url' | 'app'>,
  method: string,
  path: string,
  { json, bearer, key, headers }: Pick<CallOptions, 'json' | 'bearer' | 'key' | 'headers'> = {},
): Promise<Answer> {
  const response = await new Promise<Response>((resolve, reject) => {
    const sent = request(`${server.url}/api/v1${path}`, {
      method,
      localAddress: address,
      agent: false,
      headers: {
        'Content-Type': 'application/json',
        ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
        ...(key !== undefined && { 'X-API-Key': key }),
        ...headers,
      },
    });
    sent.once('error', reject);
    sent.once('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', reject);
      incoming.once('end', () => {
        const { statusCode: status = 0, headersDistinct } = incoming;
        const headers = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
          values.map((value): [string, string] => [name, value]),
        );
        resolve(new Response(status === 204 ? null : Buffer.concat(chunks), { status, headers }));
      });
    });
    sent.end(json === undefined ? undefined : JSON.stringify(json));
  });
  const answer = await toAnswer(response);
  checkAnswer(server.app, method, `/api/v1${path}`, answer);
  return answer;
}
