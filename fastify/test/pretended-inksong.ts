import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** What Inksong answers when it lets a key in. */
export const identity = {
  'X-Inksong-User': 'somebody%40example.com',
  'X-Inksong-User-Id': 'acc_1',
  'X-Inksong-Scheme': 'api_key',
  'X-Inksong-Key-Id': 'key_1',
};

export interface PretendedInksong {
  url: string;
  server: Server;
  questions: IncomingMessage[];
}

/** Starts something that answers questions as a test wants, for what the real Inksong never does. */
export async function pretendInksong(
  t: TestContext,
  answer: (response: ServerResponse, question: IncomingMessage) => void,
): Promise<PretendedInksong> {
  const questions: IncomingMessage[] = [];
  const server = createServer((question, response) => {
    questions.push(question);
    answer(response, question);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, questions };
}
