import { runAcceptBench } from './accept/accept-bench.ts';
import { runDispatchBench } from './dispatch/dispatch-bench.ts';
import { runDrainBench } from './drain/drain-bench.ts';
import { runDocumentsBench } from './documents/documents-bench.ts';
import { runRunsBench } from './runs/runs-bench.ts';
import { runScanBench } from './json-scan.ts';

/** `npm run bench -- <name> [options]`. Exit code: 0 when every bound is met, 1 when one is not, 2 for a mistake in the command. */
const benches: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  accept: runAcceptBench,
  dispatch: runDispatchBench,
  drain: runDrainBench,
  runs: runRunsBench,
  documents: runDocumentsBench,
  scan: runScanBench,
};

const [name = '', ...args] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  process.stderr.write(`bench: expected one of ${Object.keys(benches).join(', ')}, got ${JSON.stringify(name)}\n`);
  process.exitCode = 2;
} else {
  process.exitCode = await bench(args);
}
