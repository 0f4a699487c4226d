import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../dev/fast-check.ts';
import { placeUnits, sharesOf } from './placement.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

/** Processes that share one actor's units, each of which does its part whenever its turn comes. */
class World {
  readonly owners: (string | undefined)[];
  readonly members = new Map<string, { readonly isNew: boolean }>();
  /** Partitions that are drained. */
  readonly leaving = new Set<number>();
  moves = 0;

  constructor(owners: (string | undefined)[]) {
    this.owners = [...owners];
  }

  see(): Pick<World, 'owners'> & { members: { name: string; isNew: boolean }[] } {
    return { owners: [...this.owners], members: [...this.members].map(([name, { isNew }]) => ({ name, isNew })) };
  }

  /** What one process does about what it has seen, which others may have changed since. */
  act(self: string, seen = this.see()): boolean {
    const { take, surplus } = placeUnits({ actor: 'tester', self, ...seen });
    const free = take.filter((partition) => this.owners[partition] === undefined);
    for (const partition of free) this.owners[partition] = self;
    const own = this.owners.flatMap((owner, partition) => (owner === self ? [partition] : []));
    const staying = own.filter((partition) => !this.leaving.has(partition) && !free.includes(partition));
    const count = Math.max(0, surplus - (own.length - free.length - staying.length));
    const given = count === 0 ? [] : staying.slice(-count);
    for (const partition of given) this.leaving.add(partition);
    this.moves += given.length;
    return free.length > 0 || given.length > 0;
  }

  /** Drains that end. */
  release(partitions: Iterable<number> = [...this.leaving]): boolean {
    let isAny = false;
    for (const partition of partitions) {
      if (!this.leaving.delete(partition)) continue;
      this.owners[partition] = undefined;
      isAny = true;
    }
    return isAny;
  }

  settle(): void {
    for (const name of this.members.keys()) this.members.set(name, { isNew: false });
  }

  /** What a process held is free: after a stop, or when its lease is over. */
  remove(name: string): void {
    this.members.delete(name);
    for (const [partition, owner] of this.owners.entries())
      if (owner === name) {
        this.leaving.delete(partition);
        this.owners[partition] = undefined;
      }
  }

  /** Everybody in turn until nobody has anything to do; the number of rounds. */
  run(): number {
    for (let round = 1; round <= 50; round++) {
      let isBusy = false;
      for (const name of this.members.keys()) isBusy = this.act(name) || isBusy;
      isBusy = this.release() || isBusy;
      if (!isBusy) return round;
    }
    assert.fail(`expected rest within 50 rounds, got ${JSON.stringify(this.owners)}`);
  }

  assertEven(): void {
    const counts = [...this.members.keys()].map((name) => this.owners.filter((owner) => owner === name).length);
    assert.equal(
      counts.reduce((a, b) => a + b, 0),
      this.owners.length,
      'each unit has one living owner',
    );
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `shares ${counts.join(', ')}`);
  }
}

const membersOf = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: NAMES.length });
const ownersOf = (names: readonly string[]): fc.Arbitrary<(string | undefined)[]> =>
  fc.array(fc.option(fc.constantFrom(...names), { nil: undefined }), { minLength: 1, maxLength: 16 });
const worlds = membersOf.chain((members) => fc.record({ members: fc.constant(members), owners: ownersOf(members) }));

test('a process alone takes all at once', () => {
  assert.deepEqual(placeUnits({ actor: 'x', self: 'a', members: [], owners: [undefined, undefined, undefined, undefined] }), {
    take: [0, 1, 2, 3],
    surplus: 0,
  });
});

test('from any start the shares become even, only what has to move moves, and then nothing does', () => {
  fc.assert(
    fc.property(worlds, ({ members, owners }) => {
      const world = new World(owners);
      for (const name of members) world.members.set(name, { isNew: false });
      const least = sharesOf('tester', members, owners)
        .map(({ name, share }) => Math.max(0, owners.filter((owner) => owner === name).length - share))
        .reduce((a, b) => a + b, 0);
      assert.ok(world.run() <= 4, 'it takes a look, a drain, a look');
      world.assertEven();
      assert.equal(world.moves, least, 'moves');
      const before = [...world.owners];
      for (const name of members) assert.equal(world.act(name), false);
      assert.deepEqual(world.owners, before);
    }),
  );
});

test('fewer moves than are made would not make the shares even', () => {
  fc.assert(
    fc.property(worlds, ({ members, owners }) => {
      const held = members.map((name) => owners.filter((owner) => owner === name).length);
      const least = Math.floor(owners.length / members.length);
      // The best of all ways to give the larger shares away, by trying each.
      let best = Infinity;
      for (let larger = 0; larger < 2 ** members.length; larger++) {
        const shares = members.map((_, index) => least + ((larger >> index) & 1));
        if (shares.reduce((a, b) => a + b, 0) !== owners.length) continue;
        best = Math.min(
          best,
          shares.reduce((sum, share, index) => sum + Math.max(0, held[index]! - share), 0),
        );
      }
      const moved = sharesOf('tester', members, owners).reduce(
        (sum, { name, share }) => sum + Math.max(0, held[members.indexOf(name)]! - share),
        0,
      );
      assert.equal(moved, best);
    }),
  );
});

test('whoever comes, goes, dies and looks at what is old meanwhile: it comes to rest, even', () => {
  const step = fc.record({
    what: fc.constantFrom('join', 'remove', 'act', 'act', 'act', 'release', 'look', 'settle'),
    name: fc.constantFrom(...NAMES),
  });
  fc.assert(
    fc.property(worlds, fc.array(step, { maxLength: 60 }), ({ members, owners }, steps) => {
      const world = new World(owners);
      for (const name of members) world.members.set(name, { isNew: true });
      let seen = world.see();
      for (const { what, name } of steps) {
        if (what === 'join' && !world.members.has(name)) world.members.set(name, { isNew: true });
        else if (what === 'remove' && world.members.size > 1) world.remove(name);
        else if (what === 'act' && world.members.has(name)) world.act(name, seen);
        else if (what === 'release') world.release([...world.leaving].slice(0, 1));
        else if (what === 'look') seen = world.see();
        else if (what === 'settle') world.settle();
      }
      world.settle();
      world.run();
      world.assertEven();
    }),
  );
});

test('who has just come gets what is free and nothing else', () => {
  const members = [
    { name: 'a', isNew: false },
    { name: 'b', isNew: true },
  ];
  const all = { actor: 'x', members, owners: ['a', 'a', 'a', 'a'] };
  assert.deepEqual(placeUnits({ ...all, self: 'a' }), { take: [], surplus: 0 });
  const one = { actor: 'x', members, owners: ['a', 'a', undefined, undefined] };
  assert.deepEqual(placeUnits({ ...one, self: 'b' }), { take: [2, 3], surplus: 0 });
  assert.deepEqual(placeUnits({ ...one, self: 'a' }), { take: [], surplus: 0 });
});

test('the larger shares of many actors are not all at one process', () => {
  const free = [undefined, undefined, undefined];
  const first = Array.from({ length: 40 }, (_, i) => sharesOf(`actor-${i}`, ['processor-1', 'processor-2'], free)[0]!.name);
  const share = first.filter((name) => name === 'processor-1').length;
  assert.ok(share >= 10 && share <= 30, `${share} of 40`);
});
