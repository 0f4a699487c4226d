import { escape } from './html-text.ts';
import type { Second, Timeline } from './timeline.ts';

const WIDTH = 960;
const LEFT = 52;
const ROW = 110;
const GAP = 34;
const TOP = 18;

interface Line {
  readonly label: string;
  readonly colour: string;
  readonly valueOf: (second: Second) => number | null;
}

interface Plot {
  readonly unit: string;
  readonly lines: readonly Line[];
  /** Latencies are from milliseconds to minutes. */
  readonly isLogarithmic: boolean;
}

const PLOTS: readonly Plot[] = [
  {
    unit: 'per second',
    isLogarithmic: false,
    lines: [
      { label: 'acknowledged', colour: '#1a6fb0', valueOf: ({ acknowledged }) => acknowledged },
      { label: 'arrived', colour: '#2a9d60', valueOf: ({ arrived }) => arrived },
      { label: 'without a 2xx', colour: '#c33', valueOf: ({ bad }) => bad },
    ],
  },
  {
    unit: 'milliseconds',
    isLogarithmic: true,
    lines: [
      { label: 'answer, median', colour: '#1a6fb0', valueOf: ({ answerMs }) => answerMs?.median ?? null },
      { label: 'answer, longest', colour: '#9cc4e4', valueOf: ({ answerMs }) => answerMs?.longest ?? null },
      { label: 'arrival, median', colour: '#2a9d60', valueOf: ({ arrivalMs }) => arrivalMs?.median ?? null },
      { label: 'arrival, longest', colour: '#a9dcc0', valueOf: ({ arrivalMs }) => arrivalMs?.longest ?? null },
    ],
  },
];

/** Throughput and latency over time, with the faults as bands behind them. */
export function renderTimeline({ seconds, bands }: Timeline): string {
  const length = Math.max(1, seconds.length);
  const x = (ms: number): number => LEFT + (Math.min(ms / 1_000, length) / length) * (WIDTH - LEFT - 8);
  const height = TOP + PLOTS.length * (ROW + GAP);
  const shades = bands.map(({ label, fromMs, toMs }) => {
    const width = Math.max(1, x(toMs) - x(fromMs));
    const title = `${label}, ${(fromMs / 1_000).toFixed(1)} to ${(toMs / 1_000).toFixed(1)} s`;
    return `<rect x="${x(fromMs).toFixed(1)}" y="${TOP}" width="${width.toFixed(1)}" height="${height - TOP - GAP}" fill="#e8590c" fill-opacity=".16"><title>${escape(title)}</title></rect>`;
  });
  const plots = PLOTS.map((plot, index) => renderPlot(plot, seconds, x, TOP + index * (ROW + GAP)));
  const ticks = Array.from({ length: 7 }, (_, index) => Math.round((index * length) / 6)).map(
    (second) => `<text x="${x(second * 1_000).toFixed(1)}" y="${height - 6}" text-anchor="middle">${second} s</text>`,
  );
  const told = [...new Set(bands.map(({ label }) => label))].join(', ');
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img"><title>${escape(`Timeline; faults: ${told}`)}</title>${[...shades, ...plots, ...ticks].join('')}</svg>`;
}

function renderPlot({ unit, lines, isLogarithmic }: Plot, seconds: readonly Second[], x: (ms: number) => number, top: number): string {
  const scale = (value: number): number => (isLogarithmic ? Math.log10(Math.max(1, value)) : value);
  const most = Math.max(1, ...seconds.flatMap((second) => lines.map(({ valueOf }) => valueOf(second) ?? 0)));
  const y = (value: number): number =>
    top + ROW - (scale(value) / Math.max(1e-9, scale(Math.max(most, isLogarithmic ? 10 : 1)))) * (ROW - 14);
  const paths = lines.map(({ label, colour, valueOf }) => {
    let isDrawing = false;
    const steps = seconds.map((second, index) => {
      const value = valueOf(second);
      const step = value === null ? '' : `${isDrawing ? 'L' : 'M'}${x(index * 1_000 + 500).toFixed(1)} ${y(value).toFixed(1)}`;
      isDrawing = value !== null;
      return step;
    });
    return `<path d="${steps.join('')}" fill="none" stroke="${colour}" stroke-width="1.5"><title>${escape(label)}</title></path>`;
  });
  const legend = lines.map(
    ({ label, colour }, index) => `<text x="${LEFT + index * 120}" y="${top + 6}" style="fill:${colour}">${escape(label)}</text>`,
  );
  const axis = [0, most].map(
    (value) =>
      `<text x="${LEFT - 6}" y="${(y(isLogarithmic ? Math.max(1, value) : value) + 4).toFixed(1)}" text-anchor="end">${isLogarithmic ? Math.max(1, value) : value}</text>`,
  );
  const base = `<line x1="${LEFT}" y1="${top + ROW}" x2="${WIDTH - 8}" y2="${top + ROW}" stroke="#bbb"/>`;
  const side = `<text x="12" y="${top + ROW / 2}" transform="rotate(-90 12 ${top + ROW / 2})" text-anchor="middle">${unit}</text>`;
  return [base, side, ...axis, ...paths, ...legend].join('');
}
