import type { LoadRequest } from './load/load.ts';
import type { ServerProcess, ServerProgram } from './server-process.ts';
import type { Workshop } from './workshop.ts';

/** For a server that is one process. Longer, and it would take the second processor from those that answer slowly. */
export const usualBusyPollMs = 0.3;

/** What is measured beside others: a server, and what is asked of it. */
export interface Subject {
  name: string;
  /** Subjects with the same program share one process. */
  program: ServerProgram;
  connections: number;
  /** Of the load generator; see `LoadTask`. */
  busyPollMs: number;
  /** Called again for every round: tokens last for fifteen minutes. */
  requests: () => Promise<LoadRequest[]>;
  /** Returns what is wrong with the answer to the first request, or null. */
  fault: (answer: SubjectAnswer) => string | null;
}

export interface SubjectAnswer {
  status: number;
  text: string;
}

export interface RunningSubject extends Subject {
  server: ServerProcess;
  /** Before it was asked anything that counts. */
  idleBytes: number;
}

/** Starts the subjects' servers. Throws when one answers anything else than it should: nobody is to be fast by that. */
export async function startSubjects(workshop: Workshop, subjects: readonly Subject[]): Promise<RunningSubject[]> {
  const servers = new Map<ServerProgram, ServerProcess>();
  const running: RunningSubject[] = [];
  for (const subject of subjects) {
    const server = servers.get(subject.program) ?? (await workshop.start(subject.program));
    servers.set(subject.program, server);
    const { residentBytes: idleBytes } = await server.resources();
    const [first] = await subject.requests();
    const fault = first === undefined ? 'it has no request' : subject.fault(await ask(server.port, first));
    if (fault !== null) throw new Error(`${subject.name} is not to be measured: ${fault}.`);
    running.push({ ...subject, server, idleBytes });
  }
  return running;
}

export async function ask(port: number, { method, path, headers, body }: LoadRequest): Promise<SubjectAnswer> {
  const sent = typeof body === 'number' ? Buffer.alloc(body) : body;
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers,
    ...(sent !== undefined && { body: sent }),
  });
  return { status: answer.status, text: await answer.text() };
}

/** Returns a check that wants the very documents of another answer, in the same fields and order. */
export function sameAs(reference: string): Subject['fault'] {
  const wanted = JSON.stringify(JSON.parse(reference));
  return ({ status, text }) => {
    if (status !== 200) return `it answers ${status}`;
    return JSON.stringify(JSON.parse(text)) === wanted ? null : `it answers something else: ${text.slice(0, 300)}`;
  };
}

/** Returns a check that wants so many documents in the same fields as those of another answer. */
export function pageOf(documents: number, reference: string): Subject['fault'] {
  const fieldsOf = (item: object): string => Object.keys(item).join();
  const wanted = fieldsOf(JSON.parse(reference).items[0]);
  return ({ status, text }) => {
    if (status !== 200) return `it answers ${status}`;
    const { items } = JSON.parse(text) as { items: object[] };
    if (items.length !== documents) return `it answers ${items.length} documents instead of ${documents}`;
    return items.every((item) => fieldsOf(item) === wanted) ? null : 'its documents have other fields';
  };
}

export const emptyAnswer: Subject['fault'] = ({ status, text }) =>
  status === 200 && text === '' ? null : `it answers ${status} and ${text.length} characters`;
