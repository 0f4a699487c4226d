import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createBrokerNetwork } from './broker-network.ts';
import { waitForExit } from './child-process.ts';
import { BOTH_WAYS } from './fault-proxy.ts';
import { poll } from './poll.ts';

const PORT = 4222;
/** Answers each datagram with the same; datagrams, because nothing of theirs is repeated by the kernel. */
const ECHO = `const s = require('node:dgram').createSocket('udp4'); s.on('message', (m, from) => s.send(m, from.port, from.address));
s.bind(${PORT}, () => process.stdout.write('.')); require('node:net').createServer((c) => c.end('x')).listen(${PORT});`;
/** Numbers, one every 20 ms; prints those that come back. */
const ASK = `const s = require('node:dgram').createSocket('udp4'); let n = 0; s.on('error', () => {});
s.on('message', (m) => process.stdout.write(m + '\\n')); setInterval(() => s.send(String(n++), ${PORT}, process.argv[1], () => {}), 20);`;

function start(t: TestContext, enter: readonly string[], code: string, ...args: string[]): ChildProcess {
  const [command = '', ...rest] = [...enter, process.execPath, '-e', code, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    child.kill('SIGKILL');
    await waitForExit(child);
  });
  return child;
}

test('a place that is cut off does not reach the others and is not reached by them, is reached by us, and goes on after it', async (t) => {
  const network = createBrokerNetwork(2);
  if (typeof network === 'string') return t.skip(network);
  t.after(() => network.remove());
  const [there, here] = network.places;
  assert.ok(there && here);
  const echo = start(t, there.enter, ECHO);
  await once(echo.stdout!, 'data');
  const ask = start(t, here.enter, ASK, there.host);
  let heard = 0;
  ask.stdout!.on('data', (lines: Buffer) => (heard += lines.toString().split('\n').length - 1));
  const hearsMore = async (): Promise<true> => {
    const before = heard;
    return await poll(() => (heard > before ? true : undefined), { deadlineMs: 20_000, what: 'an answer' });
  };
  /** What was on its way may still come; then nothing does for as long as fifty questions take. */
  const hearsNothing = async (): Promise<true> => {
    let [last, since] = [heard, performance.now()];
    return await poll(
      () => {
        if (heard !== last) [last, since] = [heard, performance.now()];
        return performance.now() - since > 1_000 ? true : undefined;
      },
      { deadlineMs: 20_000, what: 'silence' },
    );
  };
  await hearsMore();
  for (const ways of [BOTH_WAYS, ['to-server'], ['to-client']] as const) {
    network.cut(1, ways);
    await hearsNothing();
    const [answer] = (await once(connect(PORT, there.host), 'data')) as [Buffer];
    assert.equal(answer.toString(), 'x');
    network.heal();
    await hearsMore();
  }
});
