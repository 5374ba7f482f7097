import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Exchange, type Exchanges, watchExchanges } from './exchanges.ts';

interface Scene {
  exchanges: Exchanges;
  client: Socket;
  /** The server's end of the client's connection. */
  connection: Socket;
  /** Resolves when so many requests have come in all. */
  requests(count: number): Promise<{ request: IncomingMessage; response: ServerResponse }[]>;
}

async function scene(t: TestContext): Promise<Scene> {
  const server = createServer();
  const exchanges = watchExchanges(server);
  const seen: { request: IncomingMessage; response: ServerResponse }[] = [];
  server.on('request', (request, response) => seen.push({ request, response }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').resume();
  t.after(() => {
    client.destroy();
    server.close();
  });
  const [connection] = await accepted;
  return {
    exchanges,
    client,
    connection,
    async requests(count) {
      while (seen.length < count) await once(server, 'request');
      return seen;
    },
  };
}

const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
/** Half of its body is yet to come. */
const upload = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab';
const requestsOf = (exchanges: readonly Exchange[]) => exchanges.map(({ request }) => request);

test('an exchange is under way until its answer has gone, and the one that began last is the latest', async (t) => {
  const { exchanges, client, connection, requests } = await scene(t);
  assert.deepEqual(exchanges.silent(), [connection]);
  client.write(get + get);
  const [first, second] = await requests(2);
  assert.ok(first && second);
  assert.deepEqual(requestsOf(exchanges.underWay()), [first.request, second.request]);
  assert.equal(exchanges.latestOn(connection)?.request, second.request);
  assert.deepEqual(exchanges.silent(), []);

  first.response.end();
  await once(first.response, 'close');
  assert.deepEqual(requestsOf(exchanges.underWay()), [second.request]);
  second.response.end();
  await once(second.response, 'close');
  assert.deepEqual(exchanges.underWay(), []);
  assert.equal(exchanges.latestOn(connection), undefined);
});

test('a request that was answered before its body had come is under way until that has', async (t) => {
  const { exchanges, client, connection, requests } = await scene(t);
  client.write(upload);
  const [refused] = await requests(1);
  assert.ok(refused);
  refused.response.end();
  await once(refused.response, 'close');
  assert.equal(exchanges.latestOn(connection)?.request, refused.request);
  client.write('cd');
  await once(refused.request.resume(), 'end');
  assert.deepEqual(exchanges.underWay(), []);
});

test('with its connection an exchange is gone, whatever had come of it', async (t) => {
  const { exchanges, client, connection, requests } = await scene(t);
  client.write(upload);
  await requests(1);
  // Not `once`, which rejects when the half of a body is reported as an error.
  const closed = new Promise((resolve) => connection.once('close', resolve));
  client.destroy();
  await closed;
  assert.deepEqual([exchanges.underWay(), exchanges.silent()], [[], []]);
});
