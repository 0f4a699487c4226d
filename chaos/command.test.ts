import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXPERIMENTS, experimentsOf, SMOKE } from './catalogue.ts';
import { readCommand } from './command.ts';

test('an experiment or a set is chosen, with a seed and an intensity', () => {
  const run = { verb: 'run', seed: undefined, intensity: undefined, out: undefined, topology: 'single', target: undefined };
  assert.deepEqual(readCommand(['smoke']), { ...run, what: 'smoke' });
  assert.deepEqual(readCommand(['kill-broker', '--seed', '7', '--intensity', 'high', '--out', 'chaos/results']), {
    ...run,
    what: 'kill-broker',
    seed: 7,
    intensity: 'high',
    out: 'chaos/results',
  });
  assert.deepEqual(readCommand(['step-down', '--target', 'x.json']), { ...run, what: 'step-down', target: 'x.json' });
  for (const verb of ['list', 'check', 'stop'] as const) assert.deepEqual(readCommand([verb]), { verb });
  assert.deepEqual(readCommand([]), { verb: 'help' });
});

test('a mistake in the words is told with what was expected', () => {
  const mistakes: [words: string[], told: RegExp][] = [
    [['kill-everything'], /expected one of smoke, standard, kill-programs/],
    [['smoke', 'standard'], /expected one experiment or set/],
    [['smoke', '--seed', 'x'], /--seed/],
    [['smoke', '--intensity', 'huge'], /low, medium, high/],
    [['smoke', '--force'], /--force/],
    // It would do nothing, and hold.
    [['kill-leader'], /kill-leader needs several brokers: expected --cluster/],
    [['kill-broker', '--target', 'x.json'], /only delete-consumers, step-down/],
    [['step-down', '--target', 'x.json', '--cluster'], /leave --cluster out/],
  ];
  for (const [words, told] of mistakes) assert.throws(() => readCommand(words), told);
});

test('every experiment has a name of its own and says what it does; the smoke set is a part of the standard one', () => {
  assert.equal(new Set(EXPERIMENTS.map(({ name }) => name)).size, EXPERIMENTS.length);
  for (const { name, shows, fault, expects, topologies } of EXPERIMENTS) {
    assert.match(name, /^[a-z]+(-[a-z]+)*$/);
    for (const text of [shows, fault.says, expects.says]) assert.ok(text.length > 20, name);
    assert.deepEqual(
      experimentsOf(name, topologies?.[0] ?? 'single').map((experiment) => experiment.name),
      [name],
    );
  }
  for (const experiment of SMOKE) assert.ok(EXPERIMENTS.includes(experiment), experiment.name);
});
