import { createHmac, randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { openRawConnection, type RawConnection } from '../load/raw-connection.ts';
import type { WholeSystem } from './whole-system.ts';

/**
 * Posts signed releases to the door; each has a text of its own, which its message in Slack will have. Over bare sockets: a client
 * library's share of the cores was an eighth of what the whole system has for an event.
 */
export interface DoorLoad {
  /** The text of the event with this number. */
  textOf(number: number): string;
  /** The whole request of the event with this number. */
  requestOf(number: number): Buffer;
  /** Posts one as soon as a connection is free; rejects where it was not accepted. */
  post(request: Buffer): Promise<void>;
  close(): void;
}

const REPOSITORIES = 1_000;
/** More than are ever under way at 300 a second, so that a request waits for the door and not for a connection. */
const CONNECTIONS = 128;

interface Sender {
  readonly connection: RawConnection;
  posted: PromiseWithResolvers<void> | undefined;
}

export function openDoorLoad({ ingestPort, secret }: Pick<WholeSystem, 'ingestPort' | 'secret'>, name: string): DoorLoad {
  const senders: Sender[] = [];
  const free: Sender[] = [];
  const waiting: { readonly request: Buffer; readonly posted: PromiseWithResolvers<void> }[] = [];
  // The same first half for all of one load; the rest is a number.
  const prefix = `${randomBytes(4).toString('hex')}-0000-4000-8000-`;
  const textOf = (number: number): string => `${name}-${number}`;

  function onAnswer(sender: Sender, status: number | undefined): void {
    const { posted } = sender;
    sender.posted = undefined;
    if (status === 202) posted?.resolve();
    else posted?.reject(new Error(`expected 202 from the door, got ${status ?? 'no answer'}`));
    const next = waiting.shift();
    if (next === undefined) free.push(sender);
    else send(sender, next.request, next.posted);
  }

  function send(sender: Sender, request: Buffer, posted: PromiseWithResolvers<void>): void {
    sender.posted = posted;
    sender.connection.send(request);
  }

  function openSender(): Sender | undefined {
    if (senders.length >= CONNECTIONS) return undefined;
    const sender: Sender = { connection: openRawConnection(ingestPort, (status) => onAnswer(sender, status)), posted: undefined };
    senders.push(sender);
    return sender;
  }

  return {
    textOf,
    requestOf(number) {
      const body = JSON.stringify({
        action: 'published',
        release: { tag_name: textOf(number), draft: false, body: 'x'.repeat(600) },
        repository: { full_name: `octo/repository-${number % REPOSITORIES}` },
      });
      const head = [
        'POST /hooks/github HTTP/1.1',
        `host: 127.0.0.1:${ingestPort}`,
        'content-type: application/json',
        'x-github-event: release',
        `x-github-delivery: ${prefix}${String(number).padStart(12, '0')}`,
        `x-hub-signature-256: sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
        `content-length: ${Buffer.byteLength(body)}`,
      ];
      return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
    },
    post(request) {
      const posted = Promise.withResolvers<void>();
      const sender = free.pop() ?? openSender();
      if (sender === undefined) waiting.push({ request, posted });
      else send(sender, request, posted);
      return posted.promise;
    },
    close() {
      for (const { connection } of senders) connection.close();
    },
  };
}

export interface OpenLoad {
  /** When each event was due, on the clock of `performance.now()`. */
  readonly dueAt: readonly number[];
  /** How late each was sent, milliseconds. */
  readonly lateMs: readonly number[];
}

/** Posts at a fixed rate, whatever the door does. Resolves when all are accepted. */
export async function postOpenLoop(load: DoorLoad, perSecond: number, seconds: number): Promise<OpenLoad> {
  const total = Math.floor(perSecond * seconds);
  // Written and signed beforehand: the sender of a webhook has a machine of its own.
  const requests = Array.from({ length: total }, (_, number) => load.requestOf(number));
  const startAt = performance.now() + 50;
  const dueAt: number[] = [];
  const lateMs: number[] = [];
  const posts: Promise<void>[] = [];
  while (posts.length < total) {
    const due = startAt + (posts.length * 1_000) / perSecond;
    const now = performance.now();
    if (due > now) {
      await wait(Math.ceil(due - now));
      continue;
    }
    dueAt.push(due);
    lateMs.push(now - due);
    posts.push(load.post(requests[posts.length]!));
  }
  await Promise.all(posts);
  return { dueAt, lateMs };
}

/** Posts as fast as `mayPost` lets it, so many at once at most. */
export async function postClosedLoop(load: DoorLoad, total: number, atOnce: number, mayPost: (posted: number) => boolean): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < total) {
      while (!mayPost(next)) await wait(5);
      if (next >= total) return;
      await load.post(load.requestOf(next++));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
