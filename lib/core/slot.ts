/**
 * Every key belongs to one of 16 slots, fixed for ever: the slot is a subject token, and an actor's partition is a set of
 * slots (`slot % partitions === partition`), so nobody has to know anybody's number of partitions.
 */
export const SLOTS = 16;

/** FNV-1a, 32 bit, over the UTF-8 bytes (draft-eastlake-fnv). */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

export function slotOf(key: string): number {
  return fnv1a32(key) % SLOTS;
}

/** The slots that one partition of an actor covers, ascending. */
export function slotsOf(partition: number, partitions: number): number[] {
  return Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => slot % partitions === partition);
}
