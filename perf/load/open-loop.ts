import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { isAccepted, type LoopOptions } from './closed-loop.ts';
import { openRawConnection, type RawConnection } from './raw-connection.ts';
import type { Samples } from './samples.ts';

export interface OpenLoopOptions extends LoopOptions {
  readonly perSecond: number;
  /** When the first request is due, on the clock of `performance.now()`. */
  readonly startMs: number;
  readonly lateness: Samples;
}

/** What has not come by then never comes: far longer than any server's own limit for an answer. */
const LAST_ANSWER_MS = 10_000;

interface Sender {
  readonly connection: RawConnection;
  readonly request: Buffer;
  dueAt: number;
}

/**
 * Sends at a fixed rate until the window ends. A request that finds no free connection waits for one, and its latency has
 * been running since it was due: a server that stalls is charged with all that it kept waiting.
 */
export async function runOpenLoop(options: OpenLoopOptions): Promise<void> {
  const { window, latencies, lateness, startMs } = options;
  const everyMs = 1_000 / options.perSecond;
  const total = Math.floor((window.toMs - startMs) / everyMs);
  const free: Sender[] = [];
  const waiting: number[] = [];
  const { promise: allAnswered, resolve } = Promise.withResolvers<void>();
  let due = 0;
  let answered = 0;

  function send(sender: Sender, dueAt: number): void {
    options.writeNext(sender.request);
    sender.dueAt = dueAt;
    sender.connection.send(sender.request);
  }
  function onAnswer(sender: Sender, status: number | undefined): void {
    options.onAnswer(status);
    if (isAccepted(status) && sender.dueAt >= window.fromMs) latencies.add(performance.now() - sender.dueAt);
    answered += 1;
    if (answered === total) resolve();
    const next = waiting.shift();
    if (next === undefined) free.push(sender);
    else send(sender, next);
  }
  function onTick(): void {
    const now = performance.now();
    for (; due < total; due += 1) {
      const dueAt = startMs + due * everyMs;
      if (dueAt > now) return;
      if (dueAt >= window.fromMs) lateness.add(now - dueAt);
      const sender = free.pop();
      if (sender === undefined) waiting.push(dueAt);
      else send(sender, dueAt);
    }
  }

  for (let count = 0; count < options.connections; count += 1) {
    const request = Buffer.alloc(options.requestBytes);
    const sender: Sender = { request, dueAt: 0, connection: openRawConnection(options.port, (status) => onAnswer(sender, status)) };
    free.push(sender);
  }
  const senders = [...free];
  const metronome = new Worker(new URL('metronome-worker.ts', import.meta.url), { workerData: { perSecond: options.perSecond } });
  metronome.on('message', onTick);
  await once(metronome, 'online');
  const giveUp = setTimeout(resolve, window.toMs - performance.now() + LAST_ANSWER_MS);
  await allAnswered;
  clearTimeout(giveUp);
  await metronome.terminate();
  for (const { connection } of senders) connection.close();
  for (let lost = answered; lost < total; lost += 1) options.onAnswer(undefined);
}
