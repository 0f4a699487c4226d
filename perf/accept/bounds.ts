import { median } from '../load/samples.ts';
import type { Measurement } from './measure.ts';
import type { Measurements } from './rounds.ts';

/** A promise about the door, and whether this run kept it. */
export interface Bound {
  readonly name: string;
  readonly expected: string;
  readonly got: number;
  readonly isMet: boolean;
}

/** Of the medians over the rounds. Undefined measurements (a target that was left out) meet nothing. */
export function checkBounds({ visapi, publish }: Measurements): Bound[] {
  const ratio = over(visapi['closed-64'], perSecond) / over(publish['closed-64'], perSecond);
  const half = over(visapi['open-half'], p99);
  const steadyP50 = over(visapi['open-300'], p50);
  const steadyP99 = over(visapi['open-300'], p99);
  const lost = sum(visapi, ({ log }) => (log === undefined ? 0 : Math.abs(log.acknowledged - log.stored)));
  const refused = sum(visapi, ({ answers }) =>
    Object.entries(answers).reduce((count, [status, times]) => (/^2\d\d$/.test(status) ? count : count + times), 0),
  );
  return [
    { name: 'accepts beside Fastify with a bare publish, 64 connections', expected: 'at least 4 times', got: ratio, isMet: ratio >= 4 },
    { name: 'p99 at half of its full load, ms', expected: 'below 15', got: half, isMet: half < 15 },
    { name: 'p50 at 300/s, ms', expected: 'below 3', got: steadyP50, isMet: steadyP50 < 3 },
    { name: 'p99 at 300/s, ms', expected: 'below 25', got: steadyP99, isMet: steadyP99 < 25 },
    { name: 'acknowledged and not in the log exactly once', expected: 'none', got: lost, isMet: lost === 0 },
    { name: 'answers that are not 2xx', expected: 'none', got: refused, isMet: refused === 0 },
  ];
}

const perSecond = (measurement: Measurement) => measurement.perSecond;
const p50 = (measurement: Measurement) => measurement.latencyMs.p50;
const p99 = (measurement: Measurement) => measurement.latencyMs.p99;

/** The median over the rounds. */
export function over(rounds: readonly Measurement[], value: (measurement: Measurement) => number): number {
  return median(rounds.map(value));
}

function sum(loads: Measurements['visapi'], value: (measurement: Measurement) => number): number {
  return Object.values(loads)
    .flat()
    .reduce((total, measurement) => total + value(measurement), 0);
}
