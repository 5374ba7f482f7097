import { type ClientRequest, Agent as HttpAgent, request as requestByHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestByHttps } from 'node:https';

export interface Answer {
  status: number;
  /** Lower-case names, each with the values of all its lines. */
  headers: NodeJS.Dict<string[]>;
  body: Buffer;
}

/** Thrown when there is no answer to go by; the message says why, and holds no credential. */
export class Unanswered extends Error {
  /** What the answer asked for, if anything. */
  readonly retryAfterSeconds: number | null;
  constructor(reason: string, retryAfterSeconds: number | null = null) {
    super(reason);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface DecisionEndpoint {
  /**
   * Asks once for every request, and returns an answer to this very question. Throws Unanswered.
   *
   * @param scheme the one that is demanded; null for either
   * @param headers names and values in turn
   */
  ask(scheme: 'api-key' | 'bearer' | null, headers: readonly string[]): Promise<Answer>;
  close(): void;
}

/** Questions side by side; more wait in line, within their time limit. */
const maxConnections = 256;
/** Of a refusal; what is longer is none. */
const maxBodyBytes = 64 * 1024;

/**
 * Returns the way to the decision endpoint of the Inksong at an address, over connections that are kept alive.
 *
 * @param baseUrl without a slash at its end; @param timeoutMs longest that an answer may take, from the question to its last byte
 */
export function createDecisionEndpoint(baseUrl: string, timeoutMs: number): DecisionEndpoint {
  const { protocol, host } = new URL(baseUrl);
  const isSecure = protocol === 'https:';
  const options = { keepAlive: true, maxSockets: maxConnections };
  const agent = isSecure ? new HttpsAgent(options) : new HttpAgent(options);
  const send = isSecure ? requestByHttps : requestByHttp;

  return {
    async ask(scheme, headers) {
      const url = `${baseUrl}/api/v1/auth/forward${scheme === null ? '' : `/${scheme}`}`;
      const endsAt = performance.now() + timeoutMs;
      for (;;) {
        let question: ClientRequest | null = null;
        try {
          question = send(url, { agent, headers: ['Host', host, ...headers] });
          return await answerTo(question, endsAt - performance.now());
        } catch (error) {
          // Inksong may close an idle connection just as it is taken up; the next may be a fresh one.
          if (question?.reusedSocket && isReset(error)) continue;
          throw error instanceof Unanswered ? error : new Unanswered(reasonOf(error));
        }
      }
    },
    close() {
      agent.destroy();
    },
  };
}

function answerTo(question: ClientRequest, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      // At once: what still waits for a connection tells nobody that it was destroyed.
      reject(error);
      question.destroy();
    };
    const timer = setTimeout(() => fail(new Unanswered('it took too long to answer')), timeoutMs);
    question.on('error', fail);
    // After a whole answer too, when its connection is already somebody else's.
    question.once('close', () => {
      clearTimeout(timer);
      reject(new Unanswered('it closed the connection without an answer'));
    });
    question.once('response', (response) => {
      const { statusCode: status = 0, headersDistinct: headers } = response;
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', fail);
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > maxBodyBytes) fail(new Unanswered(`it answered ${status} with too long a body`));
      });
      response.once('end', () => {
        clearTimeout(timer);
        resolve({ status, headers, body: Buffer.concat(chunks) });
      });
    });
    question.end();
  });
}

function isReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Node names no reason where none of a host's addresses can be reached, only a code. */
function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || 'it cannot be reached';
}
