import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { findBrowser } from '../../lib/browser/find-browser.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import { slotOf } from '../../lib/core/slot.ts';
import { demoOrder } from '../../lib/dev/demo-order.ts';
import { localHome } from '../../lib/dev/local-home.ts';
import { poll } from '../../lib/dev/poll.ts';
import { findFreePort } from '../../lib/dev/port.ts';
import { createProgram, type LocalProgram } from '../../lib/dev/program.ts';
import { createPublisher } from '../../lib/jetstream/publisher.ts';
import { DOCUMENT_LANES } from '../../streams/actors.ts';
import { commandSubject } from '../../streams/subjects.ts';
import { readBenchOptions } from '../bench-options.ts';
import { atLeast, boundTable, endFacts, factLines, figureTable, gatherFacts } from '../bench-report.ts';
import { median } from '../load/samples.ts';
import { type LogBed, openLogBed } from '../log-bed.ts';
import { cpuMillisPer, type DocumentCpu, readDocumentCpu } from './document-cpu.ts';

/** As in docs/benchmarks.md. */
const USAGE = `Usage: npm run bench -- documents [options]

  --rounds <count>     how often it is measured (default: 5)
  --count <count>      documents of each round (default: 100)
  --browsers <count>   browsers that render at once (default: 2)
  --json               the whole report as JSON

About two minutes. It needs Chromium: npm run browser. docs/benchmarks.md says what is measured.
`;

/** `npm run bench -- documents`: receipts of one page, from the command in the log to the PDF in the object store. Resolves with the exit code. */
export async function runDocumentsBench(args: readonly string[]): Promise<number> {
  const options = readBenchOptions(args, USAGE, { rounds: 5, count: 100, browsers: 2 });
  if (typeof options === 'number') return options;
  const { rounds, count, browsers } = options.numbers;
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const browser = await findBrowser({ cache: localHome('.visapi').cache, searchPath: '/usr/bin:/usr/local/bin', path: undefined });
  if (browser === undefined) {
    process.stderr.write('bench: expected a Chromium, got none; npm run browser puts one into .visapi\n');
    return 2;
  }
  const bed = await openLogBed(say);
  try {
    const facts = gatherFacts(bed);
    const program = await startRenderer(bed, browsers);
    const figures: number[] = [];
    let cpuMillis: DocumentCpu = {};
    try {
      let before: DocumentCpu = {};
      // The first round is warm-up: browsers start, and code is new to the compiler.
      for (let round = 0; round <= rounds; round += 1) {
        const perSecond = await measureRound(bed, program, round, count);
        say(`${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}: ${perSecond.toFixed(1)} PDFs/s`);
        if (round > 0) figures.push(perSecond);
        else before = readDocumentCpu(bed, program.pid ?? 0);
      }
      cpuMillis = cpuMillisPer(rounds * count, before, readDocumentCpu(bed, program.pid ?? 0));
    } finally {
      await program.stop();
    }
    const bounds = [atLeast('one-page PDFs/s, median', 8, median(figures))];
    const report = { ...endFacts(facts), browsers, count, rounds: figures, cpuMillis, bounds };
    const text = [
      ...factLines(report),
      `documents: examples/documents/receipt.liquid for made-up orders in five scripts, each another one; ${browsers} browsers`,
      '',
      figureTable(
        ['round', 'PDFs/s'],
        figures.map((perSecond, at) => [`${at + 1}`, perSecond]),
      ),
      '',
      figureTable(['CPU ms per PDF', ...Object.keys(cpuMillis)], [['', ...Object.values(cpuMillis)]]),
      '',
      boundTable(bounds),
      '',
    ].join('\n');
    process.stdout.write(options.isJson ? `${JSON.stringify(report, null, 2)}\n` : text);
    return bounds.every(({ isMet }) => isMet) ? 0 : 1;
  } finally {
    await bed.stop();
  }
}

async function startRenderer(bed: LogBed, browsers: number): Promise<LocalProgram> {
  const opsPort = await findFreePort();
  const program = createProgram({
    name: 'processor',
    command: ['cmd/processor/main.ts'],
    env: {
      // The browser is in the project's own cache.
      VISAPI_HOME: localHome('.visapi').root,
      PATH: '/usr/local/bin:/usr/bin:/bin',
      ACTORS: 'document',
      NATS_URL: bed.broker.url,
      NATS_MONITOR_URL: bed.monitorUrl,
      DATABASE_URL: bed.postgres.url,
      DOCUMENT_LINK_KEY: randomBytes(32).toString('base64'),
      DOCUMENT_BROWSERS: `${browsers}`,
      PROCESSOR_OPS_PORT: `${opsPort}`,
    },
    logFile: join(bed.folder, 'processor.log'),
    readyUrl: `http://127.0.0.1:${opsPort}/readyz`,
  });
  await program.start();
  await poll(async () => ((await fetch(program.readyUrl)).ok ? true : undefined), { deadlineMs: 60_000, what: 'the renderer to be ready' });
  return program;
}

/** PDFs a second, from the first command to the last document that is stored. */
async function measureRound({ connection }: LogBed, program: LocalProgram, round: number, count: number): Promise<number> {
  const before = await rendered(program);
  const publisher = createPublisher(connection);
  const begunAt = performance.now();
  await Promise.all(
    Array.from({ length: count }, (_, number) => {
      const order = demoOrder(round, number);
      const { locale, items, ...data } = order;
      const key = order.number;
      const subject = commandSubject({ priority: 'default', slot: slotOf(key), actor: DOCUMENT_LANES.name });
      // As the example's workflow renders it: the list travels as text.
      const body = JSON.stringify({ template: 'receipt', locale, data: { ...data, items: JSON.stringify(items) } });
      const headers = { [HEADERS.schema]: '1', [HEADERS.ceType]: 'document.render' };
      return publisher.publish(
        { id: `document-${round}-${number}`, key, subject, headers, body: Buffer.from(body) },
        AbortSignal.timeout(60_000),
      );
    }),
  );
  await publisher.stop(1_000);
  await poll(async () => ((await rendered(program)) - before >= count ? true : undefined), {
    deadlineMs: 300_000,
    everyMs: 50,
    what: `${count} documents`,
  });
  return count / ((performance.now() - begunAt) / 1_000);
}

/** As the program counts them itself. Throws where one was not rendered. */
async function rendered({ readyUrl }: LocalProgram): Promise<number> {
  const text = await (await fetch(new URL('/metrics', readyUrl))).text();
  let count = 0;
  for (const [, outcome, value] of text.matchAll(/^visapi_documents_total\{[^}]*outcome="(\w+)"[^}]*\} (\d+)$/gm)) {
    if (outcome === 'rendered') count = Number(value);
    else if (Number(value) > 0) throw new Error(`expected documents that are rendered, got ${value} ${outcome}`);
  }
  return count;
}
