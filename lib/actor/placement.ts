import { fnv1a32 } from '../core/slot.ts';

/**
 * Who should have how many of one actor's units, and what one process has to do about it. Pure: every process decides for itself
 * on what the record says, and all of them come to the same plan.
 *
 * 1. Shares differ by one at most. Who holds more already keeps the larger one, so that nothing moves but what has to.
 * 2. A free unit is meant for one process alone: takers do not get into each other's way.
 * 3. Nothing is handed over to a process that has just come: one that dies again and again must not move units each time. What is free
 *    it may take at once.
 */
export interface PlacementView {
  readonly actor: string;
  /** The process that asks; among the members it stands or not. */
  readonly self: string;
  /** Who runs the actor and lives. */
  readonly members: readonly PlacementMember[];
  /** Owners by partition; undefined: free. An owner need not be a member: it may be dead or about to stop. */
  readonly owners: readonly (string | undefined)[];
}

export interface PlacementMember {
  readonly name: string;
  /** It has just come. */
  readonly isNew: boolean;
}

export interface Placement {
  /** Free partitions that are meant for the one who asks, ascending. */
  readonly take: readonly number[];
  /** How many of its units it has to hand over. */
  readonly surplus: number;
}

export function placeUnits({ actor, self, members, owners }: PlacementView): Placement {
  const names = members.map(({ name }) => name).filter((name) => name !== self);
  const settled = members.filter(({ name, isNew }) => name !== self && !isNew).map(({ name }) => name);
  const free = owners.flatMap((owner, partition) => (owner === undefined ? [partition] : []));
  const held = countHeld(owners);
  const takers = sharesOf(actor, [self, ...names], owners).flatMap(({ name, share }) =>
    Array.from({ length: Math.max(0, share - (held.get(name) ?? 0)) }, () => name),
  );
  const settledShare = sharesOf(actor, [self, ...settled], owners).find(({ name }) => name === self)!.share;
  return {
    take: free.filter((_, index) => takers[index] === self),
    surplus: Math.max(0, (held.get(self) ?? 0) - settledShare),
  };
}

/** What each of the names should hold, those first that have most already; of equals the actor's name decides, so that not all actors have their larger shares at one process. */
export function sharesOf(
  actor: string,
  names: readonly string[],
  owners: PlacementView['owners'],
): { readonly name: string; readonly share: number }[] {
  const held = countHeld(owners);
  const least = Math.floor(owners.length / names.length);
  const larger = owners.length % names.length;
  return names
    .map((name) => ({ name, held: held.get(name) ?? 0, chance: fnv1a32(`${actor}/${name}`) }))
    .toSorted((a, b) => b.held - a.held || a.chance - b.chance || (a.name < b.name ? -1 : 1))
    .map(({ name }, index) => ({ name, share: least + (index < larger ? 1 : 0) }));
}

function countHeld(owners: PlacementView['owners']): Map<string, number> {
  const held = new Map<string, number>();
  for (const owner of owners) if (owner !== undefined) held.set(owner, (held.get(owner) ?? 0) + 1);
  return held;
}
