import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** What becomes of the answers on new connections. */
type Fate = 'arrive' | 'swallowed' | 'swallowed after the greeting';

export interface UnsteadyWay {
  port: number;
  /** Connections that led here so far, good or not; a greeting that is due has been passed on. */
  made(): number;
  /** Connections that are open at their near end. */
  open(): number;
  /** Bytes that nobody will answer. */
  swallowed(): number;
  /** Swallows from now on what is sent on the connections there are, as a router that forgot them does. */
  swallow(ofNewOnes: Fate): void;
  /** New connections are good again; what was swallowed stays so. */
  heal(): void;
}

/** The last message of PostgreSQL's greeting: ReadyForQuery, idle. */
const ready = Buffer.from('Z\0\0\0\x05I', 'latin1');

/** Opens a way to a port of this machine that can be made to lead nowhere; it is gone when the test ends. */
export async function openUnsteadyWay(t: TestContext, to: number): Promise<UnsteadyWay> {
  const ends = new Set<Socket>();
  const nears = new Set<Socket>();
  let swallowed = 0;
  let made = 0;
  let fate: Fate = 'arrive';
  const leadNowhere = (near: Socket): void => {
    near.unpipe();
    near.on('data', (bytes) => {
      swallowed += bytes.length;
    });
    near.resume();
  };
  const server = createServer((near) => {
    ends.add(near);
    nears.add(near);
    near.on('error', () => {});
    near.once('close', () => nears.delete(near));
    if (fate === 'swallowed') {
      made++;
      leadNowhere(near);
      return;
    }
    let isGreeted = false;
    const far = connect(to, '127.0.0.1');
    ends.add(far);
    far.on('error', () => {});
    near.pipe(far).pipe(near);
    const isKept = fate === 'arrive';
    far.on('data', (bytes) => {
      if (!isGreeted && bytes.subarray(-ready.length).equals(ready)) {
        isGreeted = true;
        made++;
        if (!isKept) leadNowhere(near);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const end of ends) end.destroy();
  });
  return {
    port: (server.address() as { port: number }).port,
    made: () => made,
    open: () => nears.size,
    swallowed: () => swallowed,
    swallow(ofNewOnes) {
      fate = ofNewOnes;
      for (const end of ends) end.unpipe();
      for (const near of nears) leadNowhere(near);
    },
    heal() {
      fate = 'arrive';
    },
  };
}
