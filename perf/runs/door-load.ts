import { createHmac, randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import type { WholeSystem } from './whole-system.ts';

/** Posts signed releases to the door; each has a text of its own, which its message in Slack will have. */
export interface DoorLoad {
  /** The text of the event with this number. */
  textOf(number: number): string;
  /** Posts one; throws where it was not accepted. */
  post(number: number): Promise<void>;
  close(): Promise<void>;
}

const REPOSITORIES = 1_000;
/** More than are ever under way at 300 a second, so that a request waits for the door and not for a connection. */
const CONNECTIONS = 128;

export function openDoorLoad({ ingestPort, secret }: Pick<WholeSystem, 'ingestPort' | 'secret'>, name: string): DoorLoad {
  const pool = new Pool(`http://127.0.0.1:${ingestPort}`, { connections: CONNECTIONS });
  // The same first half for all of one load; the rest is a number.
  const prefix = `${randomBytes(4).toString('hex')}-0000-4000-8000-`;
  const textOf = (number: number): string => `${name}-${number}`;
  return {
    textOf,
    async post(number) {
      const body = JSON.stringify({
        action: 'published',
        release: { tag_name: textOf(number), draft: false, body: 'x'.repeat(600) },
        repository: { full_name: `octo/repository-${number % REPOSITORIES}` },
      });
      const { statusCode, body: answer } = await pool.request({
        method: 'POST',
        path: '/hooks/github',
        headers: {
          'content-type': 'application/json',
          'x-github-event': 'release',
          'x-github-delivery': prefix + String(number).padStart(12, '0'),
          'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
        },
        body,
      });
      await answer.dump();
      if (statusCode !== 202) throw new Error(`expected 202 from the door, got ${statusCode}`);
    },
    close: () => pool.close(),
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
  const startAt = performance.now() + 50;
  const dueAt: number[] = [];
  const lateMs: number[] = [];
  const posts: Promise<void>[] = [];
  while (posts.length < total) {
    const now = performance.now();
    for (let due = startAt + (posts.length * 1_000) / perSecond; due <= now && posts.length < total;) {
      dueAt.push(due);
      lateMs.push(now - due);
      posts.push(load.post(dueAt.length - 1));
      due = startAt + (posts.length * 1_000) / perSecond;
    }
    await wait(1);
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
      await load.post(next++);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
