import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDoorSender } from '../lib/dev/door-sender.ts';
import { openDoorBed } from './door-bed.ts';
import { isReady, until } from './system-bed.ts';

const CONNECTIONS = 64;
const POSTS_PER_CONNECTION = 6;
/** Every system call of the traced process stops it twice, and on a busy machine for as long as others have the processors. */
const ANSWER_MS = 30_000;

/** What the kernel was asked for, in the order in which it was asked or has answered. */
interface Call {
  readonly kind: 'request' | 'journal' | 'flushed' | 'roots-flushed' | 'reply';
  readonly thread: string;
  /** What the call is about: socket and text, or the bytes of the journal's pages. */
  readonly text: string;
}

test('no reply leaves before the fdatasync of its event has come back, under 64 connections', { timeout: 140_000 }, async (t) => {
  if (spawnSync('strace', ['-V']).error) {
    t.skip('the order of system calls can only be seen with strace');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'visapi-fsync-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const bed = await openDoorBed(t);
  const ingest = await bed.ingest('traced');
  const program = ingest.program();
  t.after(() => program.stop());
  await program.start();
  await until('ingest is ready', () => isReady(program.readyUrl));

  const traceFile = join(folder, 'trace');
  const filter = 'trace=read,write,writev,pwrite64,pwritev,fdatasync,fsync,msync,sendto,sendmsg';
  const strace = spawn('strace', ['-f', '-y', '-v', '-s', '8192', '-e', filter, '-o', traceFile, '-p', String(program.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(() => strace.kill('SIGKILL'));
  const ended = once(strace, 'exit');
  let said = '';
  strace.stderr.on('data', (text: Buffer) => (said += text.toString()));
  await until('strace watches ingest', () => said.includes('attached') || strace.exitCode !== null);
  if (strace.exitCode !== null) {
    t.skip(`strace may not watch another process here: ${said.trim()}`);
    return;
  }

  const senders = Array.from({ length: CONNECTIONS }, () => createDoorSender(ingest.url, ANSWER_MS));
  const deliveries = await Promise.all(
    senders.map(async (sender, connection) => {
      const sent: string[] = [];
      for (let count = 0; count < POSTS_PER_CONNECTION; count += 1) {
        const delivery = `fsync-${connection}-${count}-end`;
        assert.equal((await sender.post(`octo/${connection}`, delivery)).status, 202);
        sent.push(delivery);
      }
      return sent;
    }),
  );
  for (const sender of senders) sender.stop();
  strace.kill('SIGINT');
  await ended;

  const calls = parseTrace(readFileSync(traceFile, 'utf8'));
  const early = deliveries.flat().flatMap((delivery) => findEarlyReply(calls, delivery) ?? []);
  assert.deepEqual(early, []);
  const flushes = calls.filter(({ kind }) => kind === 'flushed').length;
  t.diagnostic(`${deliveries.flat().length} replies, each after its fdatasync; ${flushes} fdatasync calls`);
});

/** @returns what is wrong with this delivery's order; undefined where nothing is */
function findEarlyReply(calls: readonly Call[], delivery: string): string | undefined {
  const asked = calls.findIndex(({ kind, text }) => kind === 'request' && text.includes(delivery));
  const socket = socketOf(calls[asked]?.text ?? '');
  const written = calls.findIndex(({ kind, text }, index) => index > asked && kind === 'journal' && text.includes(delivery));
  const thread = calls[written]?.thread;
  const flushed = calls.findIndex((call, index) => index > written && call.kind === 'flushed' && call.thread === thread);
  const roots = calls.findIndex((call, index) => index > flushed && call.kind === 'roots-flushed' && call.thread === thread);
  const replied = calls.findIndex(({ kind, text }, index) => index > asked && kind === 'reply' && socketOf(text) === socket);
  const order = [asked, written, flushed, roots, replied];
  return order.every((place, index) => place >= 0 && (index === 0 || place > order[index - 1]!))
    ? undefined
    : `${delivery}: ${order.join(' ')}`;
}

function socketOf(text: string): string | undefined {
  return /<((?:TCP|socket):[^>]*\]?)>/.exec(text)?.[1];
}

/** A call that another thread interrupts in the trace has two lines: a flush counts at its end, everything else at its beginning. */
function parseTrace(trace: string): Call[] {
  const calls: Call[] = [];
  const begun = new Map<string, string>();
  for (const line of trace.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const isUnfinished = rest.endsWith('<unfinished ...>');
    const isResumed = rest.startsWith('<... ');
    const text = isResumed ? `${begun.get(thread) ?? ''}${rest}` : rest;
    if (isUnfinished) begun.set(thread, rest);
    const kind = kindOf(text);
    if (kind === undefined) continue;
    // A read has its bytes, and a flush has happened, only when the call has come back.
    const isAtEnd = kind === 'flushed' || kind === 'roots-flushed' || kind === 'request';
    if (isAtEnd ? !isUnfinished : !isResumed) calls.push({ kind, thread, text });
  }
  return calls;
}

function kindOf(text: string): Call['kind'] | undefined {
  const name = /^(\w+)\(/.exec(text)?.[1];
  const isJournal = text.includes('data.mdb>');
  if (name === 'fdatasync' && isJournal) return 'flushed';
  if (name === 'read' && text.includes('POST /hooks/')) return 'request';
  if (isJournal && name === 'pwrite64' && isRoots(text)) return 'roots-flushed';
  if (isJournal) return 'journal';
  return (name === 'write' || name === 'writev') && text.includes('HTTP/1.1 202') ? 'reply' : undefined;
}

/** The page of roots is written through a descriptor of its own, opened with O_DSYNC: the call comes back when it is on the disk. */
function isRoots(text: string): boolean {
  return /, 128, (?:40|4136)\b/.test(text);
}
