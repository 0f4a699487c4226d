import { loadavg } from 'node:os';
import Table from 'cli-table3';
import type { LogBed } from './log-bed.ts';
import { describeMachine, type Machine } from './machine.ts';

/** A promise, and whether this run kept it. */
export interface Bound {
  readonly name: string;
  readonly expected: string;
  readonly got: number;
  readonly isMet: boolean;
}

/** `at least` or `below`, as the bound says it. A figure that was not taken meets nothing. */
export function atLeast(name: string, bound: number, got: number): Bound {
  return { name, expected: `at least ${bound}`, got, isMet: got >= bound };
}

export function below(name: string, bound: number, got: number): Bound {
  return { name, expected: `below ${bound}`, got, isMet: got < bound };
}

/** Where figures were taken, and what was on the disk before anything was confirmed. */
export interface BenchFacts {
  readonly machine: Machine;
  /** When the bench had ended. */
  readonly loadAfter: number;
  readonly broker: string;
  readonly durability: string;
}

/** Call it before the load: it measures the disk. */
export function gatherFacts({ folder, brokerVersion, durability }: LogBed): Omit<BenchFacts, 'loadAfter'> {
  return { machine: describeMachine(folder), broker: brokerVersion, durability };
}

export function endFacts(facts: Omit<BenchFacts, 'loadAfter'>): BenchFacts {
  return { ...facts, loadAfter: loadavg()[0] ?? NaN };
}

export function factLines({ machine, loadAfter, broker, durability }: BenchFacts): string[] {
  const { cores, processor, node, load, fileSystem, fdatasyncMs } = machine;
  return [
    `machine: ${cores} cores (${processor}), load ${load.toFixed(2)} before and ${loadAfter.toFixed(2)} after, Node ${node}, nats-server ${broker}`,
    `disk: ${fileSystem}, write and fdatasync of 4 KiB: p50 ${fdatasyncMs.p50.toFixed(2)} ms, p99 ${fdatasyncMs.p99.toFixed(2)} ms`,
    `durability: ${durability}`,
  ];
}

export function figureTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const table = new Table({ head: [...head], style: { head: [], border: [], compact: true } });
  table.push(...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? figure(cell) : cell))));
  return table.toString();
}

export function boundTable(bounds: readonly Bound[]): string {
  return figureTable(
    ['bound', 'expected', 'got', ''],
    bounds.map(({ name, expected, got, isMet }) => [name, expected, got.toFixed(2), isMet ? 'met' : 'NOT MET']),
  );
}

function figure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
