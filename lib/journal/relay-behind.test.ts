import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRelayWorld } from './simulation/relay-world.ts';

test('whoever comes within a second of one that waited in vain does not wait, and afterwards the next one does', async () => {
  const world = openRelayWorld();
  const { clock, log } = world;
  await clock.advance(1);
  const ask = async (): Promise<Promise<boolean>[]> => [
    world.life.relay.whenConfirmed({ number: await world.accept('a'), duplicate: false }, 250),
  ];
  log.loseAnswerTo('event-1');
  const [late] = await ask();
  await clock.advance(251);
  assert.equal(await late, false);
  // The second try under the same id comes after a second.
  await clock.advance(1_000);
  assert.equal(log.stored.length, 1);

  const [soon] = await ask();
  assert.equal(await Promise.race([soon, clock.turns(5).then(() => 'it waits')]), false);
  await clock.advance(1_500);
  const [calm] = await ask();
  await clock.advance(50);
  assert.equal(await calm, true);
});

test('whoever waits for what the log refuses hears of it at once, and the next one waits as ever', async () => {
  const world = openRelayWorld();
  const { clock, log } = world;
  await clock.advance(1);
  log.refusedIds.add('event-1');
  const { relay } = world.life;
  const refused = relay.whenConfirmed({ number: await world.accept('a'), duplicate: false }, 250);
  await clock.advance(50);
  assert.equal(await Promise.race([refused, clock.turns(5).then(() => 'it waits')]), false);
  await clock.advance(300);
  const next = relay.whenConfirmed({ number: await world.accept('a'), duplicate: false }, 250);
  await clock.advance(50);
  assert.equal(await next, true);
});
