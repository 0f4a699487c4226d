import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { BOTH_WAYS, type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { poll } from './poll.ts';

/** A server that keeps what it reads and answers each chunk with its length, behind a proxy. */
async function openLink(t: TestContext) {
  const accepted: Socket[] = [];
  let read = '';
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      read += chunk.toString();
      socket.write(`<${chunk.length}>`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const proxy: FaultProxy = await startFaultProxy(address.port);
  t.after(async () => {
    await proxy.close();
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  const open = async () => {
    const socket = connect(proxy.port, '127.0.0.1');
    const client = { socket, answers: '', isClosed: false };
    socket.on('data', (chunk) => (client.answers += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => (client.isClosed = true));
    await once(socket, 'connect');
    t.after(() => socket.destroy());
    return client;
  };
  return { proxy, open, accepted, read: () => read };
}

const until = (what: string, holds: () => boolean) => poll(() => (holds() ? true : undefined), { deadlineMs: 30_000, what });

test('a link that is cut in both directions passes nothing and tells nobody; healed, everything comes in its order', async (t) => {
  const { proxy, open, accepted, read } = await openLink(t);
  const client = await open();
  client.socket.write('before');
  await until('the answer', () => client.answers === '<6>');
  proxy.cut(BOTH_WAYS);
  client.socket.write('during');
  const late = await open();
  late.socket.write('late');
  // A link that works answers; that its answer is not there shows nothing before another way was gone to its end.
  const other = await openLink(t);
  const witness = await other.open();
  witness.socket.write('x');
  await until('the witness', () => witness.answers === '<1>');
  assert.deepEqual([read(), client.answers, late.answers, client.isClosed], ['before', '<6>', '', false]);
  accepted[0]?.end();
  await proxy.heal();
  await until('all of it', () => read().length === 'beforeduringlate'.length && late.answers === '<4>');
  assert.match(read(), /^before(duringlate|lateduring)$/);
});

test('a link that is cut in one direction still passes the other one', async (t) => {
  const { proxy, open, read } = await openLink(t);
  const client = await open();
  client.socket.write('one');
  await until('the answer', () => client.answers === '<3>');
  proxy.cut(['to-client']);
  client.socket.write('two');
  await until('the request', () => read() === 'onetwo');
  assert.equal(client.answers, '<3>');
  await proxy.heal();
  await until('the held answer', () => client.answers === '<3><3>');
});

test('the end and the reset of a connection pass an open link, and wait in one that is cut', async (t) => {
  const { proxy, open, accepted } = await openLink(t);
  const [ended, reset] = [await open(), await open()];
  await until('both', () => accepted.length === 2);
  proxy.cut(['to-client']);
  accepted[0]?.end();
  accepted[1]?.resetAndDestroy();
  const other = await openLink(t);
  const witness = await other.open();
  witness.socket.write('x');
  await until('the witness', () => witness.answers === '<1>');
  assert.deepEqual([ended.isClosed, reset.isClosed], [false, false]);
  await proxy.heal();
  await until('both are told', () => ended.isClosed && reset.isClosed);
});

test('a link that refuses breaks connections off and takes none, until it is healed', async (t) => {
  const { proxy, open } = await openLink(t);
  const client = await open();
  client.socket.write('one');
  await until('the answer', () => client.answers === '<3>');
  assert.equal(await proxy.refuse(), 1);
  await until('it is broken off', () => client.isClosed);
  await assert.rejects(open(), { code: 'ECONNREFUSED' });
  await proxy.heal();
  const again = await open();
  again.socket.write('two');
  await until('the answer', () => again.answers === '<3>');
});
