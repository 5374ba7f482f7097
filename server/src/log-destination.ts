import { write, writeSync } from 'node:fs';

/** Where a log's lines go: as pino wants it. */
export interface LogDestination {
  write(line: string): void;
  /** Writes out what is still in memory, as far as that is possible. */
  flushSync(): void;
}

interface Piece {
  bytes: Buffer;
  /** Lost lines that it tells of. */
  told: number;
}

/** Written at once when so much, some fifty lines, or a whole piece has come together; otherwise after the pause. */
const mostGathered = 16 * 1024;
const pauseMs = 200;
/** A reader that is slow is waited for; what comes while this much is waiting is lost. */
const mostHeldCharacters = 4 * 1024 * 1024;
const busyPauseMs = 100;
const busyTries = 10;

/**
 * Returns a destination that never stands in the way of who logs: lines are gathered and written beside, and those that
 * cannot be written, since the disk is full or the reader has gone, are lost; about how many, the log says once it can.
 * @param mostBytes of whole lines that are written in one piece; only a longer line is more
 */
export function createLogDestination(fd: number, mostBytes: number): LogDestination {
  const enoughCharacters = Math.min(mostGathered, mostBytes);
  const held: string[] = [];
  let heldCharacters = 0;
  let isWriting = false;
  let timer: NodeJS.Timeout | null = null;
  /** A piece whose reader is slow, while that is waited for. */
  let stuck: { piece: Piece; from: number; retry: NodeJS.Timeout } | null = null;
  /** Lines that no notice on its way tells of. */
  let lost = 0;
  /** What stopped in the middle of a line is not to run into the next. */
  let isCut = false;

  function take(): Piece {
    const told = lost;
    lost = 0;
    const notice = `{"level":"warn","time":"${new Date().toISOString()}","lines":${told},"msg":"lines of the log were lost"}\n`;
    let text = `${isCut ? '\n' : ''}${told > 0 ? notice : ''}`;
    let bytes = Buffer.byteLength(text);
    let taken = 0;
    for (const line of held) {
      bytes += Buffer.byteLength(line);
      if (taken > 0 && bytes > mostBytes) break;
      text += line;
      heldCharacters -= line.length;
      taken += 1;
    }
    held.splice(0, taken);
    return { bytes: Buffer.from(text), told };
  }

  function start(): void {
    if (isWriting || held.length === 0) return;
    isWriting = true;
    writeOn(take(), 0);
  }

  function writeOn(piece: Piece, from: number): void {
    write(fd, piece.bytes, from, (error, written) => {
      if (error && isBusy(error)) return waitForReader(piece, from);
      const to = from + (error ? 0 : written);
      if (!error && to < piece.bytes.length) return writeOn(piece, to);
      settle(piece, to);
      isWriting = false;
      if (!error) startSoon();
    });
  }

  function waitForReader(piece: Piece, from: number): void {
    const retry = setTimeout(() => {
      stuck = null;
      writeOn(piece, from);
    }, busyPauseMs).unref();
    stuck = { piece, from, retry };
  }

  /** Writes the rest of a piece before it returns. Tells whether that could be done. */
  function finish(piece: Piece, from: number): boolean {
    const to = from + writeAtOnce(fd, piece.bytes.subarray(from));
    settle(piece, to);
    return to === piece.bytes.length;
  }

  /** Notes what has become of a piece, of which the first `written` bytes have been written. */
  function settle({ bytes, told }: Piece, written: number): void {
    if (written === bytes.length) {
      isCut = false;
      return;
    }
    if (written > 0) isCut = true;
    lost += told + bytes.subarray(written).toString().split('\n').length - 1;
  }

  function startSoon(): void {
    if (heldCharacters >= enoughCharacters) start();
    else if (held.length > 0 && timer === null) {
      timer = setTimeout(() => {
        timer = null;
        start();
      }, pauseMs).unref();
    }
  }

  return {
    write(line) {
      if (heldCharacters > mostHeldCharacters) {
        lost += 1;
        return;
      }
      held.push(line);
      heldCharacters += line.length;
      startSoon();
    },

    flushSync() {
      if (stuck !== null) {
        const { piece, from, retry } = stuck;
        clearTimeout(retry);
        stuck = null;
        isWriting = false;
        if (!finish(piece, from)) return;
      }
      while (held.length > 0) {
        if (!finish(take(), 0)) return;
      }
    },
  };
}

/** Returns how many of the bytes could be written. */
function writeAtOnce(fd: number, bytes: Buffer): number {
  let written = 0;
  for (let tries = 0; written < bytes.length && tries < busyTries; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      // The disk is full, or the reader has gone: whoever logs goes on.
      if (!isBusy(error as NodeJS.ErrnoException)) break;
      tries += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyPauseMs);
    }
  }
  return written;
}

const isBusy = ({ code }: NodeJS.ErrnoException): boolean => code === 'EAGAIN' || code === 'EBUSY';
