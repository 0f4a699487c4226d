import { setTimeout as wait } from 'node:timers/promises';
import { readBenchOptions } from '../bench-options.ts';
import { atLeast, below, boundTable, endFacts, factLines, figureTable, gatherFacts } from '../bench-report.ts';
import { openLogBed } from '../log-bed.ts';
import type { CpuUse } from './cpu-use.ts';
import { measureDelivery } from './delivery.ts';
import { measureMemory } from './memory.ts';
import { startSlackStandIn } from './slack-stand-in.ts';
import { measureThroughput, THREE_STEPS } from './throughput.ts';
import { startWholeSystem } from './whole-system.ts';

/** As in docs/benchmarks.md. */
const USAGE = `Usage: npm run bench -- runs [options]

  --rounds <count>     how often three-step runs are measured (default: 5)
  --runs <count>       of each round (default: 3000)
  --seconds <count>    how long events come at 300/s (default: 30)
  --events <count>     over which memory is watched; 1 leaves it out (default: 100000)
  --profile <folder>   where the programs' CPU profiles go (default: none is taken)
  --json               the whole report as JSON

About eight minutes. docs/benchmarks.md says what is measured.
`;

const ONE_STEP = {
  name: 'one-step',
  on: { event: 'release.published', source: 'github' },
  steps: [{ id: 'tell', uses: 'slack.send', with: { channel: '#bench', text: '{{ event.data.release.tag_name }}' } }],
};

const PER_SECOND = 300;
/** Above this, memory is called not flat: allocators and collectors breathe by some per cent. */
const MAX_GROWTH = 1.2;

/** `npm run bench -- runs`: from the door to the message in Slack, runs of three steps, and the memory of it all. Resolves with the exit code. */
export async function runRunsBench(args: readonly string[]): Promise<number> {
  const options = readBenchOptions(args, USAGE, { rounds: 5, runs: 3_000, seconds: 30, events: 100_000 });
  if (typeof options === 'number') return options;
  const { rounds, runs, seconds, events } = options.numbers;
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const slack = await startSlackStandIn();
  const bed = await openLogBed(say);
  try {
    const facts = gatherFacts(bed);
    const system = await startWholeSystem({ bed, slackUrl: slack.url, workflows: [ONE_STEP, THREE_STEPS], profile: options.profile });
    const scene = { bed, system, slack, say };
    try {
      // Code that is new to the compiler is several times slower.
      await measureDelivery(scene, { name: 'warm-up', perSecond: PER_SECOND, seconds: Math.min(5, seconds) });
      const delivery = await measureDelivery(scene, { name: 'delivery', perSecond: PER_SECOND, seconds });
      await wait(500);
      const throughput = await measureThroughput(scene, { rounds, runs });
      const memory = events > 1 ? await measureMemory(scene, events) : undefined;
      const bounds = [
        below('accept to delivered at 300/s, one step, p99 ms', 50, delivery.latencyMs.p99),
        atLeast('three-step runs/s, median', 400, throughput.median),
        ...(memory ?? []).map(({ name, growth }) => below(`memory of ${name}, last fifth beside the second`, MAX_GROWTH, growth)),
      ];
      const report = { ...endFacts(facts), delivery, throughput, memory, bounds };
      const { p50, p99, p999 } = delivery.latencyMs;
      const text = [
        ...factLines(report),
        '',
        figureTable(
          ['accept to delivered', 'events', 'p50 ms', 'p99 ms', 'p999 ms', 'generator late p99 ms'],
          [[`${PER_SECOND}/s, one step`, `${delivery.samples}`, p50, p99, p999, delivery.lateP99Ms]],
        ),
        `cores meanwhile: ${delivery.cores}`,
        '',
        figureTable(['CPU us per event', ...Object.keys(delivery.cpuMicros), 'all'], [cpuRow(delivery.cpuMicros)]),
        '',
        figureTable(
          ['three-step runs', 'runs/s'],
          throughput.rounds.map((perSecond, at) => [`round ${at + 1}, ${runs} runs`, perSecond]),
        ),
        '',
        figureTable(['CPU us per three-step run', ...Object.keys(throughput.cpuMicros), 'all'], [cpuRow(throughput.cpuMicros)]),
        '',
        ...(memory === undefined ? [] : [memoryTable(memory, events), '']),
        boundTable(bounds),
        '',
      ].join('\n');
      process.stdout.write(options.isJson ? `${JSON.stringify(report, null, 2)}\n` : text);
      return bounds.every(({ isMet }) => isMet) ? 0 : 1;
    } finally {
      await system.stop();
    }
  } finally {
    await bed.stop();
    await slack.stop();
  }
}

function cpuRow(micros: CpuUse): (string | number)[] {
  const all = Object.values(micros);
  return ['', ...all, all.reduce((sum, each) => sum + each, 0)];
}

function memoryTable(memory: Awaited<ReturnType<typeof measureMemory>>, events: number): string {
  return figureTable(
    [`MB over ${events} events`, '1st fifth', '2nd', '3rd', '4th', 'last'],
    memory.map(({ name, fifths }) => [name, ...fifths.map((bytes) => bytes / 1024 ** 2)]),
  );
}
