import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { done } from '../verdict.ts';
import { actor, type ConformanceBench, FAST, type Property, type RunningActors, until } from './bench.ts';

/** One owner's lives, whose handlers do what their message says: `poison...` ends the life, `hang...` never returns in the first one. */
class Lives {
  /** Messages in the order in which their handlers were started. */
  readonly starts: string[] = [];
  readonly handled = new Set<string>();
  readonly #bench: ConformanceBench;
  #lives = 0;

  constructor(bench: ConformanceBench) {
    this.#bench = bench;
  }

  begin(): Life {
    const number = ++this.#lives;
    const life: Life = { isDead: false, running: undefined };
    const definition = actor(async (body) => {
      // A real process would not be there any more.
      if (life.isDead) return await new Promise(() => undefined);
      this.starts.push(body);
      if (body.startsWith('poison')) kill(life);
      if (life.isDead || (body.startsWith('hang') && number === 1)) return await new Promise(() => undefined);
      await wait(1);
      this.handled.add(body);
      return done();
    });
    life.running = this.#bench.start([definition]);
    return life;
  }

  /** Lives on and on until there are so many dead letters and these were handled. */
  async untilOver(dead: number, handled: readonly string[], first = this.begin()): Promise<void> {
    const isOver = async (): Promise<boolean> =>
      handled.every((body) => this.handled.has(body)) && (await this.#bench.deadLetters()).length === dead;
    for (let life = first; ; life = this.begin()) {
      assert.ok(this.#lives < 15, `the process died ${this.#lives} times`);
      await until('all are handled or dead, or the process is', async () => life.isDead || (await isOver()));
      if (!life.isDead) return await life.running?.stop();
    }
  }

  startsOf(body: string): number {
    return this.starts.filter((each) => each === body).length;
  }
}

interface Life {
  isDead: boolean;
  running: RunningActors | undefined;
}

function kill(life: Life): void {
  life.isDead = true;
  life.running?.kill();
}

async function reasons(bench: ConformanceBench): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries((await bench.deadLetters()).map(({ messageId, reason }) => [messageId, reason]));
}

/** Messages whose handler ends its process: how often they are started, and who pays for it. */
export function describeCrashes(property: Property): void {
  property('a message that kills its process each time is dead-lettered after its attempts, and no neighbour is', async (bench) => {
    const lives = new Lives(bench);
    await bench.send({ actor: 'tester', key: 'a', body: 'poison', id: 'p1' });
    const neighbours = Array.from({ length: 6 }, (_, i) => `n${i}`);
    for (const body of neighbours) await bench.send({ actor: 'tester', key: body, body });
    await bench.send({ actor: 'tester', key: 'a', body: 'after' });
    await lives.untilOver(1, [...neighbours, 'after']);
    assert.deepEqual(await reasons(bench), { p1: 'crashed' });
    assert.equal(lives.startsOf('poison'), FAST.attempts);
    assert.deepEqual(await bench.suspects(), []);
  });

  property(
    'a message that came after an unclean take-over was in nobody’s hand: its attempts are counted from its own start',
    async (bench) => {
      const lives = new Lives(bench);
      await bench.send({ actor: 'tester', key: 'a', body: 'hang' });
      const first = lives.begin();
      await until('it is in hand', () => lives.starts.includes('hang'));
      kill(first);
      const second = lives.begin();
      await until('it is handled', () => lives.handled.has('hang'));
      await bench.send({ actor: 'tester', key: 'b', body: 'poison', id: 'p1' });
      await lives.untilOver(1, ['hang'], second);
      assert.deepEqual(await reasons(bench), { p1: 'crashed' });
      assert.equal(lives.startsOf('poison'), FAST.attempts);
    },
  );

  property('a message that stood behind another one of its key at the kill was not started: nothing is counted for it', async (bench) => {
    const lives = new Lives(bench);
    for (const body of ['hang', 'poison', 'after']) await bench.send({ actor: 'tester', key: 'a', body, id: body });
    await bench.send({ actor: 'tester', key: 'b', body: 'last' });
    const first = lives.begin();
    await until('all are in hand', () => lives.starts.includes('hang') && lives.handled.has('last'));
    kill(first);
    await lives.untilOver(1, ['hang', 'after']);
    assert.deepEqual(await reasons(bench), { poison: 'crashed' });
    assert.equal(lives.startsOf('poison'), FAST.attempts);
  });

  property('where the log has forgotten what was in hand, only recorded starts count', async (bench) => {
    const lives = new Lives(bench);
    await bench.send({ actor: 'tester', key: 'a', body: 'first' });
    await bench.send({ actor: 'tester', key: 'b', body: 'hang' });
    const first = lives.begin();
    await until('one is handled and one in hand', () => lives.handled.has('first') && lives.starts.includes('hang'));
    kill(first);
    await bench.forgetConsumers();
    await bench.send({ actor: 'tester', key: 'c', body: 'poison', id: 'p1' });
    await lives.untilOver(1, ['first', 'hang']);
    assert.deepEqual(await reasons(bench), { p1: 'crashed' });
    assert.equal(lives.startsOf('poison'), FAST.attempts);
  });

  property(
    'of several that kill the process at once none is started too often, and at most its first start is one that another cut off',
    async (bench) => {
      const lives = new Lives(bench);
      const poisons = ['poison 1', 'poison 2', 'poison 3'];
      for (const body of poisons) await bench.send({ actor: 'tester', key: body, body, id: body });
      await bench.send({ actor: 'tester', key: 'n', body: 'neighbour' });
      await lives.untilOver(poisons.length, ['neighbour']);
      assert.deepEqual(await reasons(bench), Object.fromEntries(poisons.map((body) => [body, 'crashed'])));
      for (const body of poisons) {
        const starts = lives.startsOf(body);
        assert.ok(starts === FAST.attempts || starts === FAST.attempts - 1, `${body} was started ${starts} times`);
      }
    },
  );
}
