import { spawnSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROGRAMS } from '../role.ts';
import { type ControlGroup, createControlGroup, type Limit, removeControlGroups } from '../control-group.ts';
import type { Experiment } from '../experiment.ts';
import { nothingToUndo, pick } from '../faults.ts';
import { answersAndDelivers } from '../steady-state.ts';

function groupOf(limit: Limit): ControlGroup {
  const group = createControlGroup(limit);
  if (typeof group === 'string') throw new Error(group);
  return group;
}

const withoutGroups = (): Promise<void> => {
  removeControlGroups();
  return Promise.resolve();
};

/** A fifth of a core for each program: far less than it takes at this load. */
const CORES = 0.2;

export const cpuQuota: Experiment = {
  name: 'cpu-quota',
  shows: 'With a fraction of the processor that they need, programs are late and nothing else: no lease, no timeout makes an effect twice.',
  steadyState: answersAndDelivers,
  fault: {
    says: `each program for itself, then all together, has ${CORES} of a core`,
    async inject(scene) {
      const ms = scene.amount(5_000, 10_000, 15_000);
      for (const names of [...PROGRAMS.map((name) => [name]), PROGRAMS]) {
        const group = groupOf({ kind: 'cpu', cores: CORES });
        try {
          await scene.during(`${names.join(', ')}: ${CORES} of a core`, async () => {
            scene.count('other');
            for (const { pid } of names.flatMap((name) => scene.system.wards[name])) if (pid !== undefined) group.add(pid);
            await scene.wait(ms);
          });
        } finally {
          group.remove();
        }
        await scene.wait(2_000);
      }
    },
  },
  expects: { says: 'every event is acknowledged in the end', door: 'later' },
  undo: withoutGroups,
  needs: ['cpu-group'],
  stage: {},
};

/** Beyond what a process has when the limit comes; it takes as much within seconds. */
const MEMORY_BYTES = 12 * 1024 ** 2;
const KILLED_WITHIN_MS = 30_000;

export const memoryLimit: Experiment = {
  name: 'memory-limit',
  shows: 'A program that the kernel ends because its memory is used up is one that was killed: it is started again, and goes on.',
  steadyState: answersAndDelivers,
  fault: {
    says: `each program may take ${MEMORY_BYTES / 1024 ** 2} MB more than it has, until the kernel kills it`,
    async inject(scene) {
      const rounds = scene.amount(1, 2, 4);
      let kills = 0;
      for (let round = 0; round < rounds; round += 1)
        for (const name of PROGRAMS) {
          const ward = pick(scene, name);
          const { pid } = ward;
          if (pid === undefined) continue;
          const group = groupOf({ kind: 'memory', bytes: MEMORY_BYTES });
          try {
            await scene.during(`${name}: memory limit`, async () => {
              const down = ward.whenDown().then(() => true);
              group.add(pid);
              const isKilled = await Promise.race([down, sleep(KILLED_WITHIN_MS, false)]);
              if (!isKilled) return;
              kills += 1;
              scene.count('kills');
            });
          } finally {
            group.remove();
          }
          await scene.wait(4_000);
        }
      // Without one the experiment would hold for nothing.
      if (kills === 0) scene.problem('the kernel killed nobody');
      scene.note(`the kernel killed ${kills} of ${rounds * PROGRAMS.length}; the others kept below the limit`);
    },
  },
  expects: { says: 'every event is acknowledged in the end', door: 'later' },
  undo: withoutGroups,
  needs: ['memory-group'],
  stage: {},
};

/** Usual is a thousand and more. */
const DESCRIPTORS = 256;
/** More connections than that, all idle. */
const IDLE = 400;

export const fewDescriptors: Experiment = {
  name: 'few-descriptors',
  shows: 'A door whose descriptors are used up takes no new connection until one is free, and says no 2xx that it does not mean.',
  steadyState: answersAndDelivers,
  fault: {
    says: `ingest may have ${DESCRIPTORS} descriptors, and ${IDLE} idle connections are opened`,
    async inject(scene) {
      const rounds = scene.amount(1, 2, 3);
      const { pid } = pick(scene, 'ingest');
      if (pid === undefined) throw new Error('expected ingest to run');
      const { hostname, port } = new URL(scene.system.ingestUrl);
      const limited = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`], { encoding: 'utf8' });
      // Without the limit the experiment would hold for nothing.
      if (limited.status !== 0) throw new Error(`prlimit: expected a limit on process ${pid}: ${limited.stderr}`);
      for (let round = 0; round < rounds; round += 1) {
        const idle: Socket[] = [];
        try {
          await scene.during(`${IDLE} idle connections`, async () => {
            scene.count('other');
            for (let count = 0; count < IDLE; count += 1) idle.push(connect(Number(port), hostname).on('error', () => undefined));
            await scene.wait(scene.amount(5_000, 10_000, 20_000));
          });
        } finally {
          for (const socket of idle) socket.destroy();
        }
        await scene.wait(2_000);
      }
    },
  },
  expects: { says: 'every event is acknowledged in the end', door: 'later' },
  // The limit is one of the process, and goes with it.
  undo: nothingToUndo,
  needs: ['prlimit'],
  stage: {},
};
