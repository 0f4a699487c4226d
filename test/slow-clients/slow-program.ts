import { connect, type Socket } from 'node:net';
import { SLOW_KINDS, type SlowJob, type SlowKind, type SlowReport } from './slow-job.ts';

/** Many connections that ask for nothing or too slowly, in a process of its own. A job holds them, the next one changes their number. */

/** A byte in this time is what keeps a server waiting that has no limit for the whole. Milliseconds. */
const DRIP_MS = 500;
/** All at once would be a burst of connections, which is another thing to look at: this is a little more than what the door's limits end at night. */
const CONNECTS_PER_TICK = 10;
const TICK_MS = 20;
const DRIP_TICKS = DRIP_MS / TICK_MS;

const BEGINNINGS: Readonly<Record<SlowKind, string>> = {
  headers: 'POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-Slow: ',
  body: 'POST /hooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n',
  silent: '',
  kept: 'GET /hooks/github HTTP/1.1\r\nHost: x\r\n\r\n',
};

const open: Record<SlowKind, Map<Socket, number>> = { headers: new Map(), body: new Map(), silent: new Map(), kept: new Map() };
const opened: Record<SlowKind, number> = { headers: 0, body: 0, silent: 0, kept: 0 };
const longestMs: Record<SlowKind, number> = { headers: 0, body: 0, silent: 0, kept: 0 };
let job: SlowJob | undefined;

process.on('disconnect', () => process.exit());
process.on('message', (message: SlowJob | 'report') => {
  if (message === 'report') return void process.send?.(report());
  job = message;
});
let tick = 0;
setInterval(() => {
  tick += 1;
  hold();
  drip();
}, TICK_MS);

function hold(): void {
  if (job === undefined) return;
  let connects = CONNECTS_PER_TICK;
  for (const kind of SLOW_KINDS) {
    const wanted = job.connections[kind];
    for (; open[kind].size < wanted && connects > 0; connects -= 1) openOne(kind, job.port);
    for (const socket of [...open[kind].keys()].slice(wanted)) {
      // We close this one: it says nothing of the door.
      open[kind].delete(socket);
      socket.destroy();
    }
  }
}

function openOne(kind: SlowKind, port: number): void {
  const socket = connect({ port, host: '127.0.0.1' });
  open[kind].set(socket, performance.now());
  opened[kind] += 1;
  socket.on('connect', () => {
    open[kind].set(socket, performance.now());
    if (BEGINNINGS[kind] !== '') socket.write(BEGINNINGS[kind]);
  });
  socket.on('error', () => undefined);
  socket.resume();
  socket.on('close', () => {
    const since = open[kind].get(socket);
    if (since !== undefined) longestMs[kind] = Math.max(longestMs[kind], performance.now() - since);
    open[kind].delete(socket);
  });
}

/** Each socket has a tick of its own: slow clients do not know of each other. */
function drip(): void {
  for (const kind of ['headers', 'body'] as const) {
    let number = 0;
    for (const socket of open[kind].keys()) if ((number++ + tick) % DRIP_TICKS === 0 && socket.writable) socket.write('x');
  }
}

function report(): SlowReport {
  const now = performance.now();
  for (const kind of SLOW_KINDS) for (const since of open[kind].values()) longestMs[kind] = Math.max(longestMs[kind], now - since);
  return { open: SLOW_KINDS.reduce((sum, kind) => sum + open[kind].size, 0), opened: { ...opened }, longestMs: { ...longestMs } };
}
