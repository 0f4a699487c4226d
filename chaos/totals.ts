import { type FindingKind, upperBound } from './checker.ts';
import { HARMS, type Harm } from './experiment.ts';
import type { ExperimentResult } from './experiment-run.ts';

/** The sums of a set. */
export interface Totals {
  readonly acknowledged: number;
  readonly lost: number;
  readonly phantoms: number;
  readonly duplicates: number;
  readonly orderViolations: number;
  readonly repeatedEffects: number;
  /** Accepted events without the end that they may have, and what the audit cannot account for. */
  readonly unended: number;
  readonly harms: Readonly<Record<Harm, number>>;
  /** With 95 % confidence less than this share of what is acknowledged is lost; only where none was. */
  readonly lossBelow: number | null;
}

export function totalsOf(results: readonly ExperimentResult[]): Totals {
  const sum = (of: (result: ExperimentResult) => number): number => results.reduce((all, result) => all + of(result), 0);
  const found = (...kinds: FindingKind[]): number => sum(({ findings }) => kinds.reduce((all, kind) => all + findings[kind].count, 0));
  const acknowledged = sum((result) => result.acknowledged);
  const lost = found('lost-prefix', 'lost-middle', 'lost-postfix');
  return {
    acknowledged,
    lost,
    phantoms: found('phantom'),
    duplicates: found('duplicate'),
    orderViolations: found('order'),
    repeatedEffects: found('repeated-effect'),
    unended: found('wrong-end', 'missing-effect', 'unaccounted'),
    harms: Object.fromEntries(HARMS.map((harm) => [harm, sum(({ harms }) => harms[harm])])) as Record<Harm, number>,
    lossBelow: lost === 0 && acknowledged > 0 ? upperBound(acknowledged) : null,
  };
}
