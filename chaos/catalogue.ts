import type { Experiment } from './experiment.ts';
import { cutOffBroker, cutOffPostgres } from './experiments/cut-off.ts';
import { exhaustConnections, lockTables } from './experiments/database-trouble.ts';
import { deleteConsumers } from './experiments/delete-consumers.ts';
import { destinationDown, destinationLies, destinationSilent, destinationSlow } from './experiments/destination.ts';
import { brokerDiskFull, journalDiskFull, postgresDiskFull } from './experiments/disk-full.ts';
import { killBroker } from './experiments/kill-broker.ts';
import { killPrograms } from './experiments/kill-programs.ts';
import { cutOffLeader, killLeader, pauseLeader } from './experiments/lead.ts';
import { mixed } from './experiments/mixed.ts';
import { pauseBroker } from './experiments/pause-broker.ts';
import { pausePrograms } from './experiments/pause-programs.ts';
import { blockEventLoop, poisonAllocates, poisonExits, poisonThrows } from './experiments/poison.ts';
import { powerCutBroker, powerCutJournal } from './experiments/power-cut.ts';
import { cpuQuota, fewDescriptors, memoryLimit } from './experiments/scarcity.ts';
import { stepDown } from './experiments/step-down.ts';
import { stopPostgres } from './experiments/stop-postgres.ts';
import type { ObservedSystem } from './observed-system.ts';
import type { Topology } from './topology.ts';

/** Every experiment, in the order of `standard`. */
export const EXPERIMENTS: readonly Experiment[] = [
  killPrograms,
  pausePrograms,
  killBroker,
  pauseBroker,
  killLeader,
  pauseLeader,
  cutOffLeader,
  stopPostgres,
  poisonThrows,
  poisonExits,
  poisonAllocates,
  blockEventLoop,
  destinationDown,
  destinationSlow,
  destinationSilent,
  destinationLies,
  deleteConsumers,
  stepDown,
  brokerDiskFull,
  journalDiskFull,
  postgresDiskFull,
  cutOffBroker,
  cutOffPostgres,
  lockTables,
  exhaustConnections,
  powerCutBroker,
  powerCutJournal,
  cpuQuota,
  memoryLimit,
  fewDescriptors,
  mixed,
];

/** What can be done to a system that others have started: harm by the API of its broker, which it mends by itself. */
export const TARGET_EXPERIMENTS: readonly Experiment<ObservedSystem>[] = [deleteConsumers, stepDown];

/** What CI does: some of each kind, together about two minutes. */
export const SMOKE: readonly Experiment[] = [killPrograms, killBroker, stopPostgres, poisonExits, destinationLies, powerCutJournal];

export const SETS = ['smoke', 'standard'] as const;

export type SetName = (typeof SETS)[number];

/** One experiment or a set, by its name. */
export function experimentsOf(name: string, topology: Topology): readonly Experiment[] {
  const named = name === 'standard' ? EXPERIMENTS : name === 'smoke' ? SMOKE : EXPERIMENTS.filter((experiment) => experiment.name === name);
  return named.filter(({ topologies }) => topologies?.includes(topology) ?? true);
}
