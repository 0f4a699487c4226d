import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { NODE_FLAGS } from '../../lib/dev/node-flags.ts';
import { projectRoot } from '../../lib/dev/local-home.ts';
import type { LogBed } from '../log-bed.ts';
import { readCpuSeconds, readFamilyCpuSeconds } from '../machine.ts';
import type { DispatchOrder, DispatchReport } from './dispatch-program.ts';

export type DispatchKind = 'keyed' | 'bare';

/** Of one side in one round. */
export interface DispatchResult {
  /** From the first message that a process began to the last that one ended. */
  readonly seconds: number;
  /** Of all its processes. */
  readonly cpuSeconds: number;
  /** What the broker and the database have used meanwhile. */
  readonly serverCpuSeconds: { readonly broker: number; readonly database: number };
  /** Of the largest of them. */
  readonly rssBytes: number;
}

/** One of the two sides that are compared: as many processes as it is measured with, kept over the rounds. */
export interface DispatchSide {
  /** Resolves when each process has its partitions. */
  open(round: { readonly reader: string; readonly addressee: string }): Promise<void>;
  /** Lets them go and waits until all messages have ended. @throws Error where one was handled twice */
  run(messages: number): Promise<DispatchResult>;
  stop(): Promise<void>;
}

type Progress = Extract<DispatchReport, { report: 'progress' }>;

export async function startDispatchSide(
  kind: DispatchKind,
  processes: number,
  { broker, postgres, folder }: LogBed,
  profile: string | undefined,
): Promise<DispatchSide> {
  const programs = Array.from({ length: processes }, (_, index) => {
    const name = `${kind}-${processes}-${index}`;
    const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${name}.cpuprofile`];
    const args = [kind, broker.url, postgres.url, join(folder, `${name}.log`)];
    return fork(join(projectRoot, 'perf/dispatch/dispatch-program.ts'), args, {
      execArgv: [...NODE_FLAGS, ...profiling],
      env: { PATH: '' },
    });
  });
  const all = async (report: DispatchReport['report']): Promise<DispatchReport[]> =>
    await Promise.all(programs.map((program) => reported(program, report)));
  const order = (program: ChildProcess, what: DispatchOrder): void => void program.send(what);
  const servers = (): DispatchResult['serverCpuSeconds'] => ({
    broker: readCpuSeconds(broker.pid ?? 0),
    database: readFamilyCpuSeconds(postgres.pid ?? 0),
  });
  await all('started');
  return {
    async open(round) {
      const opened = all('opened');
      for (const [index, program] of programs.entries()) order(program, { order: 'open', ...round, index, processes });
      await opened;
    },
    async run(messages) {
      const before = servers();
      const last = await runToEnd(programs, messages, order);
      const after = servers();
      const ended = all('ended');
      for (const program of programs) order(program, { order: 'end' });
      const ends = (await ended) as Extract<DispatchReport, { report: 'ended' }>[];
      const begunAt = Math.min(...last.map((progress) => progress.begunAt ?? Infinity));
      return {
        seconds: (Math.max(...last.map(({ at }) => at)) - begunAt) / 1_000,
        cpuSeconds: ends.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
        serverCpuSeconds: { broker: after.broker - before.broker, database: after.database - before.database },
        rssBytes: Math.max(...ends.map(({ rssBytes }) => rssBytes)),
      };
    },
    async stop() {
      await Promise.all(
        programs.map(async (program) => {
          if (program.exitCode !== null) return;
          const ended = new Promise((resolve) => program.once('exit', resolve));
          program.disconnect();
          await ended;
        }),
      );
    },
  };
}

/** The last progress of each process, when all messages have ended. */
async function runToEnd(
  programs: readonly ChildProcess[],
  messages: number,
  order: (program: ChildProcess, what: DispatchOrder) => void,
): Promise<Progress[]> {
  const last = new Map<ChildProcess, Progress>();
  const sum = (of: 'handled' | 'ended'): number => last.values().reduce((total, progress) => total + progress[of], 0);
  return await new Promise((resolve, reject) => {
    const stopListening = programs.map((program) => {
      const onMessage = (report: DispatchReport): void => {
        if (report.report !== 'progress') return;
        last.set(program, report);
        if (sum('ended') < messages) return;
        for (const stop of stopListening) stop();
        if (sum('handled') === messages && sum('ended') === messages) resolve([...last.values()]);
        else reject(new Error(`expected ${messages} messages handled and ended once, got ${sum('handled')} and ${sum('ended')}`));
      };
      const onExit = (): void => reject(new Error('a process that was measured has ended'));
      program.on('message', onMessage).on('exit', onExit);
      return () => void program.off('message', onMessage).off('exit', onExit);
    });
    for (const program of programs) order(program, { order: 'go' });
  });
}

async function reported(program: ChildProcess, what: DispatchReport['report']): Promise<DispatchReport> {
  return await new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error(`a process has ended before it was ${what}`));
    const onMessage = (report: DispatchReport): void => {
      if (report.report !== what) return;
      program.off('message', onMessage).off('exit', onExit);
      resolve(report);
    };
    program.on('message', onMessage).on('exit', onExit);
  });
}
