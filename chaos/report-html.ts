import type { ExperimentResult } from './experiment-run.ts';
import { escape } from './html-text.ts';
import type { SetResult } from './set-run.ts';
import { renderTimeline } from './timeline-svg.ts';
import type { Totals } from './totals.ts';

/** One page with everything in it: it loads nothing and runs nothing. */
export function renderHtml(name: string, set: SetResult, totals: Totals): string {
  const rows: [string, string | number][] = [
    ['acknowledged', totals.acknowledged],
    ['lost', totals.lost],
    ['duplicates', totals.duplicates],
    ['phantoms', totals.phantoms],
    ['order violations', totals.orderViolations],
    ['repeated effects', totals.repeatedEffects],
    ['not ended, or not accounted for', totals.unended],
    ...Object.entries(totals.harms),
    ['95 % bound of the loss (3/n)', totals.lossBelow?.toExponential(1) ?? 'none'],
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>VisAPI chaos: ${escape(name)}</title>
<style>${STYLE}</style>
<h1>${escape(name)}</h1>
<p>${escape(set.startedAt)}, ${set.seconds} s, seed ${set.seed}, intensity ${set.intensity}, ${set.topology === 'single' ? 'one broker, one process of each program' : 'three brokers, two processes of each program'}${set.isInterrupted ? ', interrupted' : ''}</p>
<table>${rows.map(([what, value]) => `<tr><th>${escape(what)}<td>${escape(String(value))}`).join('')}</table>
${[...set.skipped, ...set.failed].map(({ name: left, why }) => `<p><b>${escape(left)}</b> was not done: ${escape(why)}</p>`).join('\n')}
${set.results.map(renderResult).join('\n')}
</html>
`;
}

function renderResult(result: ExperimentResult): string {
  const holds = result.problems.length === 0;
  const figures = [
    `${result.perSecond} events a second`,
    `${result.acknowledged} acknowledged`,
    `${result.badTries} requests without a 2xx`,
    `${result.arrived} arrived`,
    `${result.held} held`,
    `${result.dead} dead`,
    result.recoveredMs === undefined ? 'not recovered' : `steady ${(result.recoveredMs / 1_000).toFixed(1)} s after the fault`,
  ];
  return `<section>
<h2 class="${holds ? 'holds' : 'fails'}">${escape(result.name)}</h2>
<p>${escape(result.shows)}</p>
<p class="small">Fault: ${escape(result.fault)}. Expected: ${escape(result.expects)}. ${escape(figures.join(', '))}.</p>
${[...result.problems, ...result.notes].map((line) => `<p class="small">${escape(line)}</p>`).join('\n')}
${renderTimeline(result.timeline)}
</section>`;
}

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse}th{text-align:left;font-weight:400;padding-right:2rem}td{text-align:right;font-variant-numeric:tabular-nums}
h2{margin:2.5rem 0 .2rem}h2::before{content:"";display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.5em;background:#2a7}
h2.fails::before{background:#c33}p{margin:.2rem 0}.small{color:#555;font-size:.87rem}svg{width:100%;height:auto;margin-top:.5rem}
svg text{font:11px system-ui,sans-serif;fill:#555}`;
