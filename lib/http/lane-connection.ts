import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { EdgeLimits } from './edge-limits.ts';
import type { LaneAnswer, LaneRoute, TakeBody } from './express-lane.ts';
import { readRequestHead } from './request-head.ts';
import type { SenderLimit } from './request-limits.ts';

/** What the connections of a lane share. */
export interface Lane {
  readonly server: Server;
  readonly limits: EdgeLimits;
  readonly route: LaneRoute;
  readonly senderOf: (peer: string, forwardedFor: string | undefined) => string;
  readonly senderLimit: SenderLimit | undefined;
  /** The headers of a connection that stays. */
  readonly keepAlive: string;
  isClosing: boolean;
  /** The server takes the connection. */
  handOver(socket: Socket): void;
  /** It is closed, or not the lane's any more. */
  left(connection: LaneConnection): void;
}

/** Larger bodies are rare, and would be copied together here. */
const MAX_BODY_BYTES = 65_536;
const HEAD_END = Buffer.from('\r\n\r\n');
const CLOSE = 'Connection: close\r\n';

/** - `new`: nothing came yet; `reading`: a part came; `taking`: a whole request is under way; `idle`: between two; `ending`: it got its last answer; `left`: not ours */
type State = 'new' | 'reading' | 'taking' | 'idle' | 'ending' | 'left';

/** One connection as long as it is in the lane, with one request at a time. */
export class LaneConnection {
  readonly #lane: Lane;
  readonly #socket: Socket;
  readonly #peer: string;
  #state: State = 'new';
  /** Since when. Monotonic milliseconds. */
  #since = performance.now();
  /** What came and is not answered. */
  #held: Buffer | undefined;
  /** Of the request that is being read: where its body begins and ends in what is held, and what takes it. */
  #bodyAt = 0;
  #end = 0;
  #take: TakeBody | undefined;
  #forwardedFor: string | undefined;
  #answered = 0;
  #isHalfClosed = false;

  constructor(lane: Lane, socket: Socket) {
    this.#lane = lane;
    this.#socket = socket;
    this.#peer = socket.remoteAddress ?? '';
    socket.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#destroy).on('close', this.#destroy);
  }

  /** What does not go on is the server's: it has the limits, and begins to count now. */
  sweep(now: number): void {
    const { limits } = this.#lane;
    const waited = now - this.#since;
    if (this.#state === 'idle') {
      if (waited > limits.keepAliveTimeoutMs) this.#destroy();
    } else if (this.#state === 'ending') {
      if (waited > limits.checkIntervalMs) this.#destroy();
    } else if ((this.#state === 'new' || this.#state === 'reading') && waited >= limits.checkIntervalMs) this.#handOver();
  }

  endIdle(): void {
    if (this.#state === 'idle' || this.#state === 'new') this.#destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    // One request at a time: what comes early waits, and no more of it is read.
    if (this.#state === 'taking') this.#socket.pause();
    else this.#read();
  };

  readonly #onEnd = (): void => {
    this.#isHalfClosed = true;
    if (this.#state === 'reading') this.#cut();
    else if (this.#state !== 'taking') this.#destroy();
  };

  readonly #destroy = (): void => {
    if (this.#state === 'left') return;
    this.#leave();
    // Whatever the end of it says, there is nobody left to tell.
    this.#socket.on('error', () => undefined).destroy();
  };

  #read(): void {
    const held = this.#held;
    if (held === undefined) return;
    if (this.#state !== 'reading' && !this.#readHead(held)) return this.#handOver();
    if (held.length < this.#end) {
      if (this.#state !== 'reading') this.#enter('reading');
    } else {
      this.#enter('taking');
      void this.#takeBody(held.subarray(this.#bodyAt, this.#end));
    }
  }

  /** @returns whether the lane has use for it */
  #readHead(held: Buffer): boolean {
    const { limits, route } = this.#lane;
    const end = held.indexOf(HEAD_END);
    if (end === -1 || end > limits.headerBytes) return false;
    const head = readRequestHead(held.toString('latin1', 0, end));
    if (head === undefined || head.contentLength > MAX_BODY_BYTES) return false;
    this.#forwardedFor = head.forwardedFor;
    this.#take = route.admit(head);
    this.#bodyAt = end + HEAD_END.length;
    this.#end = this.#bodyAt + head.contentLength;
    return this.#take !== undefined;
  }

  async #takeBody(body: Buffer): Promise<void> {
    const { senderLimit, senderOf } = this.#lane;
    const isTaken = senderLimit === undefined || (await senderLimit.count(senderOf(this.#peer, this.#forwardedFor)));
    const answering = isTaken ? this.#take?.(body) : undefined;
    const answer = answering && (await answering);
    if (this.#state === 'left') return;
    if (answer !== undefined) return this.#answer(answer);
    if (isTaken) senderLimit?.skipNext(this.#socket);
    this.#handOver();
  }

  #answer({ status, head, body }: LaneAnswer): void {
    const { limits, isClosing, keepAlive } = this.#lane;
    this.#answered += 1;
    const isLast = this.#answered >= limits.requestsPerSocket || this.#isHalfClosed || isClosing;
    // RFC 9110, 8.6: a 204 has no length.
    const length = status === 204 ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    const text = `${head}${length}Date: ${dateNow()}\r\n${isLast ? CLOSE : keepAlive}\r\n${body}`;
    const held = this.#held;
    this.#held = held !== undefined && held.length > this.#end ? held.subarray(this.#end) : undefined;
    this.#enter(isLast ? 'ending' : 'idle');
    if (isLast) {
      // What it still sends is read and dropped: closed with something unread, it would lose the answer on its way.
      this.#socket.off('data', this.#onData).resume().end(text);
      return;
    }
    if (!this.#socket.write(text)) this.#socket.once('drain', this.#goOn);
    else if (this.#held !== undefined) this.#goOn();
  }

  readonly #goOn = (): void => {
    if (this.#state !== 'idle') return;
    this.#socket.resume();
    this.#read();
  };

  #enter(state: State): void {
    this.#state = state;
    this.#since = performance.now();
  }

  #leave(): void {
    this.#state = 'left';
    this.#socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('error', this.#destroy)
      .off('close', this.#destroy)
      .off('drain', this.#goOn);
    this.#lane.left(this);
  }

  #handOver(): void {
    this.#leave();
    this.#socket.pause();
    if (this.#held !== undefined) this.#socket.unshift(this.#held);
    this.#lane.handOver(this.#socket);
    this.#socket.resume();
  }

  /** The peer has ended before its request was whole: the server answers that as it does for its own connections. */
  #cut(): void {
    this.#leave();
    this.#socket.on('error', () => undefined);
    this.#lane.server.emit('clientError', Object.assign(new Error('the request was cut'), { code: 'HPE_INVALID_EOF_STATE' }), this.#socket);
  }
}

let dateSecond = 0;
let date = '';

/** The `Date` of now (RFC 9110, 5.6.7); made once a second. */
function dateNow(): string {
  const second = Math.floor(Date.now() / 1_000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(second * 1_000).toUTCString();
  }
  return date;
}
