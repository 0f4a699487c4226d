import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Kernels hand out ports from 32768 on for outgoing connections; a server that restarts there may find its port taken. */
const firstFreePort = 20_000;
const lastFreePort = 32_000;

/** Whether nobody listens on the loopback port. */
export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A free loopback port, drawn at random so that parallel tests rarely meet. */
export async function findFreePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(firstFreePort, lastFreePort);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`expected a free port between ${firstFreePort} and ${lastFreePort}, found none in 100 draws`);
}

/** Whoever draws one port at a time draws from above. */
const firstOfBlock = 10_000;
const lastOfBlock = 19_000;

/**
 * Free loopback ports side by side, where nobody draws single ones: for what is listened on much later, or again after a restart.
 * @param count at most 500
 */
export async function findFreePorts(count: number): Promise<number[]> {
  for (let tries = 0; tries < 100; tries += 1) {
    const first = randomInt(firstOfBlock, lastOfBlock);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const free = await Promise.all(ports.map((port) => isPortFree(port)));
    if (free.every(Boolean)) return ports;
  }
  throw new Error(`expected ${count} free ports side by side between ${firstOfBlock} and ${lastOfBlock}, found none in 100 draws`);
}
