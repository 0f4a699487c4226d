import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { slotOf } from '../lib/core/slot.ts';
import { scaled } from '../lib/dev/test-scale.ts';
import { SLACK_LANES } from '../streams/actors.ts';
import { type SystemBed, until } from './system-bed.ts';

/** The key whose messages fail; keys that begin with it are others. */
export const FAILING = 'key/failing';
/** 20 keys of the same lane as the failing one. */
const OTHERS = Array.from({ length: 200 }, (_, i) => `key/other-${i}`)
  .filter((key) => slotOf(key) % SLACK_LANES.partitions === slotOf(FAILING) % SLACK_LANES.partitions)
  .slice(0, 20);
const EVENTS = scaled({ day: 100, night: 200 });
const EVENTS_PER_SECOND = 100;
/** Runs without and with the fault take turns, and the median of the ratios counts: the machine does other things too. */
const PAIRS = scaled({ day: 1, night: 5 });
/** Alone on the machine it is 2. Beside other files a single pair says only whether the others stand still. */
export const RATIO_BELOW = scaled({ day: 10, night: 2 });
/** Beside other files one of the two may have had the machine for itself: ten times of little is little. */
const FLOOR_MS = scaled({ day: 1_000, night: 1 });

/** Sends events of the other keys at an even pace; the 99th percentile of the time from acceptance to arrival, milliseconds. */
export async function p99OfOthers(system: SystemBed, tag: string): Promise<number> {
  const acceptedAt = new Map<string, number>();
  const lastOfKey = new Map<string, Promise<void>>();
  const [begun, sinceMs] = [performance.now(), Date.now() - 1];
  for (let i = 0; i < EVENTS; i++) {
    await wait(Math.max(0, begun + (i * 1_000) / EVENTS_PER_SECOND - performance.now()));
    const repository = OTHERS[i % OTHERS.length]!;
    // One key's events wait for each other, as a provider's do.
    const sent = (lastOfKey.get(repository) ?? Promise.resolve()).then(async () => {
      assert.equal((await system.post({ repository, tag: `${tag}-${i}` })).status, 202);
      acceptedAt.set(`${repository} ${tag}-${i}`, Date.now());
    });
    lastOfKey.set(repository, sent);
  }
  await Promise.all(lastOfKey.values());
  const arrived = async () => (await system.messages({ sinceMs })).filter(({ text }) => acceptedAt.has(text));
  await until(`the ${EVENTS} of ${tag} arrived`, async () => (await arrived()).length === EVENTS);
  const latencies = (await arrived()).map(({ text, at }) => Math.max(1, Date.parse(at) - acceptedAt.get(text)!));
  return latencies.toSorted((a, b) => a - b)[Math.ceil(EVENTS * 0.99) - 1]!;
}

/** The median of the ratios of p99 in pairs of runs, and what to tell about them. */
export async function compare(without: () => Promise<number>, withFault: () => Promise<number>): Promise<{ ratio: number; told: string }> {
  const pairs: [without: number, withFault: number][] = [];
  for (let pair = 0; pair < PAIRS; pair++) pairs.push([await without(), await withFault()]);
  const ratios = pairs.map(([low, high]) => high / Math.max(low, FLOOR_MS)).toSorted((a, b) => a - b);
  const told = pairs.map(([low, high]) => `${low} and ${high}`).join(', ');
  const ratio = ratios[Math.floor(PAIRS / 2)]!;
  return { ratio, told: `p99 without and with the fault, ms: ${told}; median ratio ${ratio.toFixed(2)}` };
}

/** The texts of one repository that arrived, in the order of arrival. */
export async function textsOf(system: SystemBed, repository: string): Promise<string[]> {
  return (await system.messages()).map(({ text }) => text).filter((text) => text.startsWith(`${repository} `));
}
