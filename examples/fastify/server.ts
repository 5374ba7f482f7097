import { inksong, principalOf } from '@inksong/fastify';
import Fastify from 'fastify';

interface Order {
  id: number;
  item: string;
  orderedBy: 'api_key' | 'bearer';
}

/** Of each account. */
const ordersOf = new Map<string, Order[]>();
let lastId = 0;

const app = Fastify({ logger: true });
await app.register(inksong, { url: process.env.INKSONG_URL ?? 'http://127.0.0.1:8080' });

app.get('/', { config: { access: 'public' } }, async () => ({ orders: '/orders' }));

app.get('/orders', { config: { access: 'both' } }, async (request) => {
  return ordersOf.get(principalOf(request).accountId) ?? [];
});

const body = { type: 'object', required: ['item'], properties: { item: { type: 'string', maxLength: 100 } } };
app.post<{ Body: { item: string } }>(
  '/orders',
  { config: { access: 'both' }, schema: { body } },
  async (request, reply) => {
    const { accountId, scheme } = principalOf(request);
    const order: Order = { id: ++lastId, item: request.body.item, orderedBy: scheme };
    ordersOf.set(accountId, [...(ordersOf.get(accountId) ?? []), order]);
    return reply.code(201).send(order);
  },
);

// Programs order; only a person who is signed in may call it all off.
app.delete('/orders', { config: { access: 'bearer' } }, async (request, reply) => {
  ordersOf.delete(principalOf(request).accountId);
  return reply.code(204).send();
});

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 8000) });
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => app.close());
