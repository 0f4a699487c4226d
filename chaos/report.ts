import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Table from 'cli-table3';
import { HARMS } from './experiment.ts';
import type { ExperimentResult } from './experiment-run.ts';
import { renderHtml } from './report-html.ts';
import type { SetResult } from './set-run.ts';
import { totalsOf } from './totals.ts';

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Tells one experiment's result in a line, and each problem in one. */
export function tellResult(result: ExperimentResult): void {
  const { name, acknowledged, arrived, held, dead, recoveredMs, drainedMs, problems, notes, seconds } = result;
  const harmed = HARMS.filter((harm) => result.harms[harm] > 0).map((harm) => `${result.harms[harm]} ${harm}`);
  printLine(
    `${problems.length === 0 ? 'holds' : 'DOES NOT HOLD'}  ${name}: ${[
      ...harmed,
      `${acknowledged} acknowledged`,
      `${arrived} arrived`,
      `${held} held`,
      `${dead} dead`,
      recoveredMs === undefined ? 'not recovered' : `steady after ${(recoveredMs / 1_000).toFixed(1)} s`,
      `drained in ${(drainedMs / 1_000).toFixed(1)} s`,
      `${seconds} s`,
    ].join(', ')}`,
  );
  for (const line of [...problems, ...notes]) printLine(`       ${line}`);
}

export function tellTotals(set: SetResult): void {
  const { acknowledged, lost, phantoms, duplicates, orderViolations, repeatedEffects, unended, harms, lossBelow } = totalsOf(set.results);
  const table = new Table({ style: { head: [], border: [], compact: true } });
  table.push(
    ['acknowledged', acknowledged],
    ['lost', lost],
    ['duplicates', duplicates],
    ['phantoms', phantoms],
    ['order violations', orderViolations],
    ['repeated effects', repeatedEffects],
    ['not ended, or not accounted for', unended],
    ...HARMS.map((harm): [string, number] => [harm, harms[harm]]),
    ['95 % bound of the loss, 3/n', lossBelow === null ? 'none' : lossBelow.toExponential(1)],
    ['seed', set.seed],
    ['seconds', set.seconds],
  );
  printLine(table.toString());
  const held = set.results.filter(({ problems }) => problems.length === 0).length;
  const rest = [
    ...set.skipped.map(({ name, why }) => `${name} was not done: ${why}`),
    ...set.failed.map(({ name }) => `${name} broke off`),
  ];
  printLine([`${held} of ${set.results.length} experiments hold`, ...rest].join('\n'));
  if (set.isInterrupted) printLine('interrupted; everything is undone');
}

/** Writes JSON and HTML. @returns the files */
export function saveReport(set: SetResult, { folder, name }: { readonly folder: string; readonly name: string }): string[] {
  mkdirSync(folder, { recursive: true });
  const totals = totalsOf(set.results);
  const [json, html] = [join(folder, `${name}.json`), join(folder, `${name}.html`)];
  writeFileSync(json, `${JSON.stringify({ ...set, totals }, undefined, 1)}\n`);
  writeFileSync(html, renderHtml(name, set, totals));
  return [json, html];
}
