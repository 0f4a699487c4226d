import Table from 'cli-table3';
import type { Machine } from '../machine.ts';
import type { Bound } from './bounds.ts';
import { over } from './bounds.ts';
import type { Measurement } from './measure.ts';
import { LOADS, type Measurements } from './rounds.ts';
import { TARGETS } from './target.ts';

/** A run of the bench, as `--json` prints it. */
export interface Report {
  readonly machine: Machine;
  /** When the bench had ended. */
  readonly loadAfter: number;
  readonly broker: string;
  /** What is on the disk before an answer leaves. */
  readonly fsync: { readonly door: string; readonly broker: string };
  readonly bodyBytes: number;
  readonly rounds: number;
  readonly measurements: Measurements;
  readonly bounds: readonly Bound[];
}

/** The report for people: every figure is the median over the rounds. */
export function formatReport(report: Report): string {
  const { machine, fsync } = report;
  const facts = [
    `machine: ${machine.cores} cores (${machine.processor}), load ${machine.load.toFixed(2)} before and ${report.loadAfter.toFixed(2)} after, Node ${machine.node}, nats-server ${report.broker}`,
    `disk: ${machine.fileSystem}, write and fdatasync of 4 KiB: p50 ${ms(machine.fdatasyncMs.p50)} ms, p99 ${ms(machine.fdatasyncMs.p99)} ms`,
    `fsync: door: ${fsync.door}; broker: ${fsync.broker}`,
    `requests: GitHub releases of ${report.bodyBytes} bytes, signed, each with an id of its own; ${report.rounds} round(s), medians`,
  ];
  return [
    ...facts,
    '',
    measurementTable(report.measurements),
    '',
    ratios(report.measurements),
    '',
    refusals(report.measurements),
    boundTable(report.bounds),
    '',
  ].join('\n');
}

function measurementTable(measurements: Measurements): string {
  const table = newTable([
    'load',
    'server',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'p999 ms',
    'CPU us: server',
    'broker',
    'load generator',
    'log complete after ms',
  ]);
  for (const load of LOADS)
    for (const target of TARGETS) {
      const rounds = measurements[target][load];
      if (rounds.length === 0) continue;
      const figure = (value: (measurement: Measurement) => number) => over(rounds, value);
      table.push([
        load,
        target,
        figure(({ perSecond }) => perSecond).toFixed(0),
        ms(figure(({ latencyMs }) => latencyMs.p50)),
        ms(figure(({ latencyMs }) => latencyMs.p99)),
        ms(figure(({ latencyMs }) => latencyMs.p999)),
        figure(({ cpuMicros }) => cpuMicros.server).toFixed(0),
        figure(({ cpuMicros }) => cpuMicros.broker).toFixed(0),
        figure(({ cpuMicros }) => cpuMicros.generator).toFixed(0),
        target === 'visapi' ? figure(({ log }) => log?.catchUpMs ?? NaN).toFixed(0) : '',
      ]);
    }
  return table.toString();
}

function ratios({ visapi, fastify, publish, socket }: Measurements): string {
  const rate = (rounds: readonly Measurement[]) => over(rounds, ({ perSecond }) => perSecond);
  const door = rate(visapi['closed-64']);
  const times = (rounds: readonly Measurement[]) => (door / rate(rounds)).toFixed(2);
  return `with 64 connections the door does ${times(publish['closed-64'])} times Fastify with a bare publish, ${times(fastify['closed-64'])} times Fastify alone, ${times(socket['closed-64'])} times what the load generator can`;
}

/** Empty where every answer was a 2xx. */
function refusals(measurements: Measurements): string {
  const lines = TARGETS.flatMap((target) =>
    LOADS.flatMap((load) =>
      measurements[target][load].flatMap(({ answers }, round) => {
        const others = Object.entries(answers).filter(([status]) => !/^2\d\d$/.test(status));
        return others.map(([status, times]) => `round ${round + 1}, ${load}, ${target}: ${times} times ${status}\n`);
      }),
    ),
  );
  return lines.join('');
}

function boundTable(bounds: readonly Bound[]): string {
  const table = newTable(['bound', 'expected', 'got', '']);
  for (const { name, expected, got, isMet } of bounds) table.push([name, expected, got.toFixed(2), isMet ? 'met' : 'NOT MET']);
  return table.toString();
}

function newTable(head: string[]): Table.Table {
  return new Table({ head, style: { head: [], border: [], compact: true } });
}

function ms(value: number): string {
  return value.toFixed(2);
}
