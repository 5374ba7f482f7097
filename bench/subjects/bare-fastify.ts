// One route of Fastify that answers bytes it holds in memory: what every other subject is compared with (1.00).
import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import { log, requestLine, settings } from './listening.ts';

const body = readFileSync(process.env.BENCH_ANSWER ?? '', 'utf8');
const route = '/api/v1/documents/';

const server = Fastify();
server.addHook('onResponse', async (request, reply) => {
  const answer = { route, status: reply.statusCode, milliseconds: reply.elapsedTime, accountId: null, scheme: null };
  log.info(requestLine(request.raw, answer), 'request');
});
server.get(route, (_request, reply) => {
  reply.header('Content-Type', 'application/json; charset=utf-8').send(body);
});
await server.listen({ host: settings.host, port: settings.port });
