import { poll } from '../../lib/dev/poll.ts';
import { openDoorLoad, postClosedLoop } from './door-load.ts';
import { type MemoryCourse, watchMemory } from './memory-watch.ts';
import type { Scene } from './scene.ts';
import { PROGRAMS } from './whole-system.ts';

/** Accepted and not delivered at most: enough that nobody waits for work, and no backlog that would be memory of its own. */
const MAX_OPEN = 1_000;
const AT_ONCE = 32;

/** The memory of every process while this many events go from the door to Slack, as fast as they are delivered. */
export async function measureMemory({ bed, system, slack, say }: Scene, events: number): Promise<MemoryCourse[]> {
  slack.clear();
  const load = openDoorLoad(system, 'memory');
  const pids = {
    ...Object.fromEntries(PROGRAMS.map((name) => [name, system.programs[name].pid ?? 0])),
    broker: bed.broker.pid ?? 0,
  };
  const watch = watchMemory(pids, () => slack.arrived / events);
  const begunAt = performance.now();
  await postClosedLoop(load, events, AT_ONCE, (posted) => posted - slack.arrived < MAX_OPEN);
  await poll(async () => Promise.resolve(slack.arrived >= events ? true : undefined), { deadlineMs: 120_000, what: `${events} messages` });
  const perSecond = events / ((performance.now() - begunAt) / 1_000);
  load.close();
  say(`memory: ${events} events from the door to Slack, ${perSecond.toFixed(0)}/s`);
  return watch.stop();
}
