/**
 * What holds the promises, by name. `npm run prove` takes one away at a time, and the test that guards it has to notice. Nothing else can: the name comes from
 * a module that only that command loads (lib/dev/break-guard.ts), before any other, so a process that was not started so has no switch to turn.
 */
export const GUARDS = [
  'acknowledge',
  'attempts',
  'audit',
  'claim-lease',
  'dedupe',
  'epoch',
  'gap',
  'journal-fsync',
  'lazy-sync',
  'lease',
  'ledger',
  'one-in-flight',
  'outbox',
  'own-pointing',
  'parking',
  'quarantine',
  'read-back',
  'release',
  'reserved-slots',
  'retry-order',
  'suspects',
  'take-over',
] as const;

export type Guard = (typeof GUARDS)[number];

/** By a name that all copies of this module share: bundles have their own. */
const broken: unknown = Reflect.get(globalThis, Symbol.for('visapi.broken-guard'));

/** Whether a guard is taken away in this process, from its start to its end. Costs nothing where none is. */
export function isBroken(guard: Guard): boolean {
  return broken === guard;
}

/** What is to be done once something is durable; without the guard it is done at once, and not again then. */
export function onceDurable(guard: Guard, step: () => void): () => void {
  if (!isBroken(guard)) return step;
  step();
  return () => undefined;
}
