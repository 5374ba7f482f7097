import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Answer {
  status: number;
  bodyBytes: number;
}

const endOfHead = '\r\n\r\n';

/**
 * One kept connection with one request on it at a time, never a second before the first is answered. It looks at an
 * answer's status and length alone, so that it costs little beside the server that is measured.
 */
export class Connection {
  readonly #socket: Socket;
  #head: Buffer | null = null;
  #status = 0;
  #bodyBytes = 0;
  #missingBytes = 0;
  #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('The connection was closed without an answer.')));
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Connection(socket);
  }

  /** Sends a whole request. Rejects when the connection ends before the whole answer has come. */
  ask(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    if (this.#missingBytes > 0) return void this.#readBody(bytes.length);
    const head = this.#head === null ? bytes : Buffer.concat([this.#head, bytes]);
    const end = head.indexOf(endOfHead);
    if (end === -1) {
      this.#head = head;
      return;
    }
    this.#head = null;
    const text = head.toString('latin1', 0, end);
    this.#status = Number(text.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? (this.#status === 204 ? '0' : undefined);
    if (length === undefined) return void this.#fail(new Error(`An answer does not say how long it is:\n${text}`));
    this.#bodyBytes = Number(length);
    this.#missingBytes = this.#bodyBytes;
    this.#readBody(head.length - end - endOfHead.length);
  }

  #readBody(bytes: number): void {
    this.#missingBytes -= bytes;
    if (this.#missingBytes > 0) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve({ status: this.#status, bodyBytes: this.#bodyBytes });
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = null;
    this.#socket.destroy();
  }
}
