import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/**
 * Kernels hand out ports from 32768 on for outgoing connections; a server that restarts there may find its port taken. Below are
 * blocks, and one process has a block for itself: a port that is drawn is often listened on much later, or again after a restart.
 */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_000;
const BLOCK_SIZE = 50;

/** What this process has claimed and not given out yet. */
const claimed: number[] = [];

/** Whether nobody listens on the loopback port. */
export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = await listen(port, host);
  if (server === undefined) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** A free loopback port that no other process draws while this one lives, and this one does not draw again. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    if (claimed.length === 0) claimed.push(...(await claimBlock()));
    const port = claimed.shift();
    if (port !== undefined && (await isPortFree(port))) return port;
  }
}

/** Several of them. */
export async function findFreePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await findFreePort());
  return ports;
}

/** Whoever listens on the first port of a block has the block: the kernel keeps others off, and frees it when the process ends. */
async function claimBlock(): Promise<number[]> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const first = FIRST_PORT + BLOCK_SIZE * randomInt((LAST_PORT - FIRST_PORT) / BLOCK_SIZE);
    const mark = await listen(first, '127.0.0.1');
    if (mark === undefined) continue;
    mark.on('connection', (socket) => socket.destroy()).unref();
    return Array.from({ length: BLOCK_SIZE - 1 }, (_, index) => first + 1 + index);
  }
  throw new Error(`expected a free block of ports between ${FIRST_PORT} and ${LAST_PORT}, found none in 1000 draws`);
}

/** @returns undefined where somebody else listens there */
function listen(port: number, host: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });
}
