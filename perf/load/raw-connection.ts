import { connect, type Socket } from 'node:net';

/**
 * One HTTP/1.1 connection with one request at a time, over a bare socket: it reads of an answer only its status, its
 * length and whether the server closes. A client library costs several times as much, and would be what is measured.
 */
export interface RawConnection {
  /** Writes a whole request. The bytes must stay as they are until its answer has come. */
  send(request: Uint8Array): void;
  close(): void;
}

/** Answers are a few hundred bytes. */
const READ_BYTES = 16_384;

/**
 * Opens with the first request, and again whenever the server has closed.
 * @param onAnswer called with the status of each answer, and with undefined when the connection broke under a request
 */
export function openRawConnection(port: number, onAnswer: (status: number | undefined) => void): RawConnection {
  let socket: Socket | undefined;
  let isWaiting = false;
  let isClosed = false;

  function open(): Socket {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    let held: Buffer | undefined;
    const opened: Socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer,
        callback(length) {
          const bytes = buffer.subarray(0, length);
          const answer = held === undefined ? bytes : Buffer.concat([held, bytes]);
          const read = readAnswer(answer);
          held = read === undefined ? Buffer.from(answer) : undefined;
          if (read !== undefined) onWhole(opened, read);
          return true;
        },
      },
    });
    opened.on('error', () => undefined);
    opened.on('close', () => {
      if (socket !== opened) return;
      socket = undefined;
      if (!isWaiting) return;
      isWaiting = false;
      onAnswer(undefined);
    });
    return opened;
  }

  function onWhole(from: Socket, answer: Answer): void {
    const isAsked = isWaiting;
    isWaiting = false;
    // Nobody asked: the server says that it closes an idle connection.
    if ((answer.closes || !isAsked) && socket === from) {
      socket = undefined;
      from.end();
    }
    if (isAsked) onAnswer(answer.status);
  }

  return {
    send(request) {
      if (isClosed) return;
      isWaiting = true;
      socket ??= open();
      socket.write(request);
    },
    close() {
      isClosed = true;
      socket?.destroy();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly closes: boolean;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** Undefined while the answer is not whole. */
function readAnswer(bytes: Buffer): Answer | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end === -1) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
  if (bytes.length < end + HEAD_END.length + length) return undefined;
  return { status: Number(head.slice(9, 12)), closes: /\r\nconnection: close/i.test(head) };
}
