import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { goodPassword } from '../test/boot.ts';
import { runInksong } from '../test/run-inksong.ts';
import type { Experiment, Run } from './instruments/experiment.ts';
import { count, seededRandom } from './instruments/findings.ts';
import { createInstallation, type Installation } from './instruments/installation.ts';
import { type Read, unexplainedReads, type Write } from './instruments/linearizable.ts';
import { signInAnewMs } from './instruments/load.ts';
import { type Node, startNodes } from './instruments/nodes.ts';
import { type Asker, createAsker, type TimedAnswer } from './instruments/timed-request.ts';

const probersAnAccount = 6;
/** Secrets that are over are asked for as long as they are among the latest of their account. */
const rememberedSecrets = 12;
/** Each has to have happened. */
const changes = ['rotate', 'change allowlist', 'sign out', 'change password', 'disable', 'enable'];
/** After a change that was not answered: the database may still be at it when its node is gone. */
const settleMs = 1_000;
const pauseOfNodeMs = 3_000;

/** A credential, with what was done to it and what was answered to whoever used it. */
interface Secret {
  kind: string;
  options: { key: string } | { bearer: string };
  writes: Write[];
  reads: Read[];
}

/** An account as its probers know it. */
interface Subject {
  /** The latest comes last. */
  secrets: Secret[];
}

/** What the clients of one run share. */
interface Scene {
  asker: Asker;
  urlOf(): string;
  random(): number;
  counts: Record<string, number>;
  broken: string[];
  isOver(): boolean;
}

interface Size extends Record<string, number> {
  nodes: number;
  accounts: number;
  rotations: number;
  probes: number;
  faults: number;
}

/** Revokes credentials in every way there is, while others use them on every node, and nodes and the database fail. */
export const revocation: Experiment<Size> = {
  shows: 'a credential that was revoked is refused by every node at once, and one that was given is taken',
  engines: ['postgres'],
  small: { nodes: 3, accounts: 4, rotations: 200, probes: 10_000, faults: 1 },
  full: { nodes: 3, accounts: 20, rotations: 5_000, probes: 1_000_000, faults: 60 },
  planted: {
    what: 'one node remembers for a second that a key is good',
    file: 'auth/api-keys/api-keys.ts',
    replace: 'const owner = await store.findByHash(hash);',
    by: `const good = (globalThis.good ??= new Map());
      const kept = process.env.FAULTS_NODE === '0' ? good.get(hash) : undefined;
      const owner = kept && kept.until > Date.now() ? kept.owner : await store.findByHash(hash);
      if (owner && owner !== kept?.owner) good.set(hash, { owner, until: Date.now() + 1000 });`,
  },

  async run(run, size) {
    const random = seededRandom(run.seed);
    const installation = await createInstallation(run);
    const nodes = await startNodes(installation, size.nodes);
    const asker = createAsker();
    run.after(() => asker.close());
    const counts: Record<string, number> = { probes: 0, rotate: 0 };
    const broken: string[] = [];
    let faultsLeft = size.faults;
    const scene: Scene = {
      asker,
      urlOf: () => nodes[Math.floor(random() * nodes.length)]?.url ?? '',
      random,
      counts,
      broken,
      isOver: () =>
        broken.length > 0 ||
        ((counts.probes ?? 0) >= size.probes &&
          (counts.rotate ?? 0) >= size.rotations &&
          faultsLeft === 0 &&
          changes.every((kind) => (counts[kind] ?? 0) > 0)),
    };
    const subjects: Subject[] = [];
    const work: Promise<void>[] = [];
    for (let number = 0; number < size.accounts; number++) {
      const owner = await createOwner(scene, `owner-${number}@example.com`);
      subjects.push(owner.subject);
      work.push(keepRevoking(scene, owner));
    }
    const disabled = await createOwner(scene, 'disabled@example.com');
    subjects.push(disabled.subject);
    work.push(keepDisabling(scene, run, installation, 'disabled@example.com', disabled.subject));
    for (const subject of subjects) {
      for (let number = 0; number < probersAnAccount; number++) work.push(keepProbing(scene, subject));
    }
    const breaking = async (): Promise<void> => {
      for (let fault = 0; faultsLeft > 0 && broken.length === 0; fault++) {
        await breakSomething(fault, nodes, installation, counts, random);
        faultsLeft -= 1;
      }
    };
    await Promise.all([...work, breaking()]);

    const secrets = subjects.flatMap((subject) => subject.secrets.concat(past.get(subject) ?? []));
    for (const { kind, writes, reads } of secrets) {
      for (const { value, sentNs } of unexplainedReads(writes, reads)) {
        broken.push(`a ${kind} was ${value ? 'accepted' : 'refused'} against its history, at ${sentNs} ns`);
      }
    }
    return { counts: { ...counts, credentials: secrets.length, violations: broken.length }, broken };
  },
};

/** Secrets that are no longer asked for, until they are judged. */
const past = new WeakMap<Subject, Secret[]>();

interface Owner {
  email: string;
  subject: Subject;
  keyId: string;
  key: Secret;
  /** The access token with which the owner manages the account; never revoked. */
  bearer: string;
  /** By performance.now(). */
  signedInMs: number;
}

function addSecret(subject: Subject, kind: string, options: Secret['options'], granted: TimedAnswer): Secret {
  const write: Write = { value: true, sentNs: granted.sentNs, answeredNs: granted.receivedNs };
  const secret: Secret = { kind, options, writes: [write], reads: [] };
  subject.secrets.push(secret);
  if (subject.secrets.length > rememberedSecrets) {
    const [oldest] = subject.secrets.splice(0, 1);
    if (oldest) past.set(subject, [...(past.get(subject) ?? []), oldest]);
  }
  return secret;
}

async function createOwner({ asker, urlOf }: Scene, email: string): Promise<Owner> {
  const registered = await asker.ask(`${urlOf()}/api/v1/auth/register`, 'POST', {
    json: { email, password: goodPassword },
  });
  assert.equal(registered.status, 201, String(registered.bytes));
  const subject: Subject = { secrets: [] };
  const bearer: string = registered.json.access_token;
  const keys = await asker.ask(`${urlOf()}/api/v1/api-keys/`, 'GET', { bearer });
  const key = addSecret(subject, 'key', { key: registered.json.api_key }, registered);
  return { email, subject, keyId: keys.json.items[0].id, key, bearer, signedInMs: performance.now() };
}

/** Uses one of an account's secrets after the other, on any node. */
async function keepProbing({ asker, urlOf, random, counts, broken, isOver }: Scene, subject: Subject): Promise<void> {
  while (!isOver()) {
    // Half of the time one of the latest two, else any that is remembered.
    const from = subject.secrets.length - (random() < 0.5 ? 2 : rememberedSecrets);
    const first = Math.max(0, from);
    const secret = subject.secrets[first + Math.floor(random() * (subject.secrets.length - first))];
    if (secret === undefined) continue;
    const { status, sentNs, receivedNs, bytes } = await asker.ask(`${urlOf()}/api/v1/me`, 'GET', secret.options);
    counts.probes = (counts.probes ?? 0) + 1;
    count(counts, status === 0 ? 'probes without an answer' : `probes answered ${status}`);
    if (status === 200) secret.reads.push({ value: true, sentNs, receivedNs });
    else if (status === 401 || status === 403) secret.reads.push({ value: false, sentNs, receivedNs });
    else if (status !== 503 && status !== 0) broken.push(`a probe was answered ${status} ${bytes}`);
    // A node that is gone refuses at once.
    if (status === 0) await delay(5);
  }
}

/** Does a change, and notes what it means for some secrets. Returns its answer, or null when there was none. */
async function change(
  { counts, broken }: Scene,
  kind: string,
  means: { secrets: readonly Secret[]; value: boolean },
  send: () => Promise<TimedAnswer>,
): Promise<TimedAnswer | null> {
  const writes = means.secrets.map((secret) => {
    const write: Write = { value: means.value, sentNs: process.hrtime.bigint(), answeredNs: null };
    secret.writes.push(write);
    return write;
  });
  const answer = await send();
  if (answer.status >= 200 && answer.status < 300) {
    for (const write of writes) write.answeredNs = answer.receivedNs;
    count(counts, kind);
    return answer;
  }
  count(counts, `changes without an answer or with ${answer.status}`);
  if (answer.status !== 0 && answer.status !== 503)
    broken.push(`${kind} was answered ${answer.status} ${answer.bytes}`);
  await delay(settleMs);
  return null;
}

/** Rotates, restricts, signs out and changes the password, one after another with pauses. */
async function keepRevoking(scene: Scene, owner: Owner): Promise<void> {
  const { asker, urlOf, random, isOver } = scene;
  const { subject, keyId, email } = owner;
  const api = () => `${urlOf()}/api/v1`;
  let password = goodPassword;

  const rotate = async (): Promise<void> => {
    const former = owner.key;
    const rotated = await change(scene, 'rotate', { secrets: [former], value: false }, () =>
      asker.ask(`${api()}/api-keys/${keyId}/rotate`, 'POST', { bearer: owner.bearer }),
    );
    if (rotated) owner.key = addSecret(subject, 'key', { key: rotated.json.api_key }, rotated);
    // Whoever got no new key rotates again, until there is one.
    else if (!isOver()) await rotate();
  };
  const restrict = async (): Promise<void> => {
    for (const [allowed_ips, value] of [[['192.0.2.1'], false] as const, [null, true] as const]) {
      const means = { secrets: [owner.key], value };
      const patch = () =>
        asker.ask(`${api()}/api-keys/${keyId}`, 'PATCH', { bearer: owner.bearer, json: { allowed_ips } });
      while ((await change(scene, 'change allowlist', means, patch)) === null && !isOver());
    }
  };
  const signIn = async (): Promise<{ token: Secret; cookie: string } | null> => {
    const answer = await change(scene, 'sign in', { secrets: [], value: true }, () =>
      asker.ask(`${api()}/auth/login`, 'POST', { json: { email, password } }),
    );
    if (!answer) return null;
    const token = addSecret(subject, 'token', { bearer: answer.json.access_token }, answer);
    return { token, cookie: answer.cookie ?? '' };
  };
  const signOut = async (): Promise<void> => {
    const session = await signIn();
    if (!session) return;
    await delay(50 + random() * 150);
    const means = { secrets: [session.token], value: false };
    const logout = () => asker.ask(`${api()}/auth/logout`, 'POST', { refreshToken: session.cookie });
    while ((await change(scene, 'sign out', means, logout)) === null && !isOver());
  };
  const changePassword = async (): Promise<void> => {
    const session = await signIn();
    if (!session) return;
    await delay(50 + random() * 150);
    const next = password === goodPassword ? `${goodPassword} indeed` : goodPassword;
    const answer = await change(scene, 'change password', { secrets: [session.token], value: false }, () =>
      asker.ask(`${api()}/auth/password`, 'POST', {
        bearer: owner.bearer,
        json: { current_password: password, new_password: next },
      }),
    );
    if (answer) password = next;
    else {
      // Which of the two is in force, a sign-in tells.
      for (;;) {
        const tried = await asker.ask(`${api()}/auth/login`, 'POST', { json: { email, password: next } });
        if (tried.status === 200) password = next;
        if (tried.status === 200 || tried.status === 401 || isOver()) break;
        await delay(settleMs);
      }
    }
  };

  const signInAnew = async (): Promise<void> => {
    const answer = await asker.ask(`${api()}/auth/login`, 'POST', { json: { email, password } });
    if (answer.status !== 200) return;
    owner.bearer = answer.json.access_token;
    owner.signedInMs = performance.now();
  };

  while (!isOver()) {
    await delay(50 + random() * 150);
    if (performance.now() - owner.signedInMs > signInAnewMs) await signInAnew();
    const choice = random();
    if (choice < 0.8) await rotate();
    else if (choice < 0.9) await restrict();
    else if (choice < 0.97) await signOut();
    else await changePassword();
  }
}

/** Disables and enables an account on the command line, beside the nodes. */
async function keepDisabling(
  scene: Scene,
  run: Run,
  { folder, settings }: Installation,
  email: string,
  { secrets: [key] }: Subject,
): Promise<void> {
  assert.ok(key);
  const environment = { INKSONG_DATA_DIR: folder, INKSONG_PUBLIC_URL: 'http://localhost', ...settings };
  while (!scene.isOver()) {
    for (const [command, words, value] of [
      ['disable', ['disable', email, '--yes'], false],
      ['enable', ['enable', email], true],
    ] as const) {
      for (let isDone = false; !isDone && !scene.isOver(); ) {
        const write: Write = { value, sentNs: process.hrtime.bigint(), answeredNs: null };
        key.writes.push(write);
        const { code } = await runInksong(run, ['accounts', ...words], { environment });
        isDone = code === 0;
        if (isDone) {
          write.answeredNs = process.hrtime.bigint();
          count(scene.counts, command);
        } else await delay(settleMs);
      }
      await delay(500);
    }
  }
}

/** Lets a node die, a node stand still, or the database start anew, in turn. */
async function breakSomething(
  fault: number,
  nodes: readonly Node[],
  { cluster }: Installation,
  counts: Record<string, number>,
  random: () => number,
): Promise<void> {
  await delay(500 + random() * 1_500);
  const node = nodes[Math.floor(random() * nodes.length)];
  assert.ok(node && cluster);
  if (fault % 3 === 0) {
    process.kill(node.server.pid, 'SIGSTOP');
    await delay(pauseOfNodeMs);
    process.kill(node.server.pid, 'SIGCONT');
    count(counts, 'nodes that stood still');
  } else if (fault % 3 === 1) {
    await node.server.kill9();
    await node.start();
    count(counts, 'nodes killed');
  } else {
    await cluster.stop('immediate');
    await cluster.start();
    count(counts, 'starts of the database');
  }
}
