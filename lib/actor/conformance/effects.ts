import assert from 'node:assert/strict';
import { type ActorContext, EffectFailed } from '../define-actor.ts';
import { done, retry } from '../verdict.ts';
import { actor, bodyOf, until, type Property } from './bench.ts';

/** Outputs and effects. */
export function describeEffects(property: Property): void {
  property('outputs leave after the settling, once, and a turn that is tried again sends nothing', async (bench) => {
    const sent = (context: ActorContext, body: string): void =>
      context.emit({
        id: `${context.message.id}/out`,
        subject: bench.subjectTo('listener', context.message.key),
        key: context.message.key,
        headers: {},
        body: Buffer.from(body),
      });
    const running = bench.start([
      actor((body, context) => {
        sent(context, `${body} at ${context.attempt}`);
        return context.attempt < 3 ? retry({ because: 'again' }) : done();
      }),
    ]);
    await bench.send({ actor: 'tester', key: 'a', body: 'x', id: 'm1' });
    await until('it is out and forgotten', async () => (await bench.messages('COMMANDS')).length === 2 && (await bench.outboxSize()) === 0);
    const out = (await bench.messages('COMMANDS'))[1]!;
    assert.equal(out.id, 'm1/out');
    assert.equal(bodyOf(out), 'x at 3');
    await running.stop();
  });

  property('an effect that is recorded as done is not run again', async (bench) => {
    let runs = 0;
    const results: unknown[] = [];
    const running = bench.start([
      actor(async (_body, context) => {
        results.push(await context.effect('pay', async () => ({ receipt: ++runs })));
        return context.attempt < 2 ? retry({ because: 'after the effect' }) : done();
      }),
    ]);
    await bench.send({ actor: 'tester', key: 'a', body: 'x', id: 'm1' });
    await until('both attempts ran', () => results.length === 2);
    assert.equal(runs, 1);
    assert.deepEqual(results, [{ receipt: 1 }, { receipt: 1 }]);
    await running.stop();
  });

  property('an effect that certainly did not happen is tried again', async (bench) => {
    const keys: string[] = [];
    const running = bench.start([
      actor(async (_body, context) => {
        await context.effect('pay', ({ idempotencyKey }) => {
          keys.push(idempotencyKey);
          if (keys.length < 3) throw new EffectFailed('503');
          return Promise.resolve('ok');
        });
        return done();
      }),
    ]);
    await bench.send({ actor: 'tester', key: 'a', body: 'x', id: 'm1' });
    await until('it is done', async () => (await bench.effect('m1/pay'))?.state === 'done');
    assert.equal(keys.length, 3);
    assert.equal(new Set(keys).size, 1);
    await running.stop();
  });

  for (const onUnknown of ['hold', 'repeat'] as const)
    property(`an effect in flight at a kill is unknown; the rule says ${onUnknown}`, async (bench) => {
      const tries: boolean[] = [];
      const after: string[] = [];
      let isHanging = true;
      const definition = actor(async (body, context) => {
        if (body === 'next') after.push(body);
        else
          await context.effect(
            'pay',
            async ({ repeated }) => {
              tries.push(repeated);
              if (isHanging) await new Promise(() => undefined);
              return 'ok';
            },
            { onUnknown },
          );
        return done();
      });
      const first = bench.start([definition]);
      await bench.send({ actor: 'tester', key: 'a', body: 'x', id: 'm1' });
      await until('the effect began', () => tries.length === 1);
      first.kill();
      isHanging = false;
      const second = bench.start([definition]);
      await bench.send({ actor: 'tester', key: 'a', body: 'next' });
      await until('the key goes on', () => after.length === 1);
      await until('the ledger knows', async () => (await bench.effect('m1/pay'))?.state === (onUnknown === 'hold' ? 'held' : 'done'));
      assert.deepEqual(tries, onUnknown === 'hold' ? [false] : [false, true]);
      await second.stop();
    });
}
