import { createRequire } from 'node:module';
import { compilePaths } from '../lib/webhook/json-paths.ts';
import { scanJson } from '../lib/webhook/json-scan.ts';

/** What a source of GitHub's asks for. */
const PATHS = compilePaths(['action', 'repository.full_name']);
/** Enough for the machine to have compiled both, and for a timer to be exact. */
const BYTES_PER_ROUND = 8_000_000;
const ROUNDS = 25;

/**
 * `npm run bench -- scan`: checking a body and finding two values in it, beside what it replaces: the same bytes as text,
 * then `JSON.parse`. The best of many short rounds each, one after the other, as other programs may run beside. Bound: not slower.
 */
export async function runScanBench(): Promise<number> {
  let exitCode = 0;
  for (const [name, body] of bodies()) {
    const times = Math.ceil(BYTES_PER_ROUND / body.length);
    let [scan, parse] = [Infinity, Infinity];
    for (let round = 0; round < ROUNDS; round += 1) {
      scan = Math.min(
        scan,
        microseconds(times, () => scanJson(body, PATHS)),
      );
      parse = Math.min(
        parse,
        microseconds(times, () => JSON.parse(body.toString('utf8')) as unknown),
      );
    }
    if (scan > parse) exitCode = 1;
    const rate = (us: number) => `${us.toFixed(1)} us (${(body.length / us).toFixed(0)} MB/s)`;
    process.stdout.write(
      `${name}, ${body.length} bytes: scan ${rate(scan)}, JSON.parse ${rate(parse)}, ${(parse / scan).toFixed(2)} times\n`,
    );
  }
  return exitCode;
}

function microseconds(times: number, run: () => unknown): number {
  const startedAt = performance.now();
  for (let time = 0; time < times; time += 1) run();
  return ((performance.now() - startedAt) * 1_000) / times;
}

/** Payloads that GitHub sent: a small one, a usual one, and many in one body. */
function bodies(): readonly (readonly [string, Buffer])[] {
  const definitions = createRequire(import.meta.url)('@octokit/webhooks-examples') as readonly { readonly examples: readonly unknown[] }[];
  const payloads = definitions.flatMap(({ examples }) => examples).toSorted((one, other) => size(one) - size(other));
  const small = payloads.find((payload) => size(payload) > 2_000);
  const many: unknown[] = [];
  for (let total = 0; total < 200_000; many.push(payloads[(many.length * 7) % payloads.length])) total += size(many.at(-1) ?? '');
  return [
    ['a small payload', toBytes(small)],
    ['a usual payload', toBytes(payloads[payloads.length >> 1])],
    ['many in one', toBytes(many)],
  ];
}

function size(payload: unknown): number {
  return toBytes(payload).length;
}

function toBytes(payload: unknown): Buffer {
  return Buffer.from(JSON.stringify(payload));
}
