// node:http alone: as fast as an answer gets on this machine, whatever stands behind it.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { log, requestLine, settings } from './listening.ts';

const body = readFileSync(process.env.BENCH_ANSWER ?? '');
const headers = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': body.length };

createServer((request, response) => {
  const startedMs = performance.now();
  response.writeHead(200, headers).end(body);
  const milliseconds = performance.now() - startedMs;
  log.info(requestLine(request, { route: '', status: 200, milliseconds, accountId: null, scheme: null }), 'request');
}).listen(settings.port, settings.host);
