import type { Command } from 'commander';
import { applyStreams, planStreams } from '../../../lib/jetstream/stream-plan.ts';
import type { StreamStep } from '../../../lib/jetstream/stream-diff.ts';
import type { StreamConfig } from '../../../lib/jetstream/stream-config.ts';
import { ACTOR_LANES } from '../../../streams/actors.ts';
import { countConsumers, MAX_CONSUMERS } from '../../../streams/lanes.ts';
import { logStreams } from '../../../streams/log-streams.ts';
import { DEFAULT_LOG_BYTES, MIN_LOG_BYTES } from '../../../streams/stream-sizes.ts';
import { findAddresses } from '../connection.ts';
import { CommandError, exitCodes, type Output, outputOf, table } from '../output.ts';
import { withBroker } from '../session.ts';
import { terminal } from '../terminal.ts';

interface StreamOptions {
  maxBytes: string;
  replicas?: string;
}

/** What a script gets where the broker differs from the plan; 2 would be a wrong use of the tool. */
const DIFFERENT_EXIT_CODE = 5;

/** `visapi streams`: the log's shape. */
export function registerStreams(program: Command): void {
  const streams = program.command('streams').addHelpText('after', '\nExamples:\n  $ visapi streams plan\n  $ visapi streams apply');
  withSizes(streams.command('plan'))
    .option('--exit-code', `exit with ${DIFFERENT_EXIT_CODE} where something differs`)
    .description('what apply would change, and how many consumers the actors need')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi streams plan\n  $ visapi streams plan --max-bytes 200GiB --replicas 3 --json\n  $ visapi streams plan --exit-code || echo differs',
    )
    .action(async (options: StreamOptions & { exitCode?: true }, command: Command) => {
      const configs = await configsOf(options);
      const steps = await withBroker((connection) => planStreams(connection, configs));
      report(outputOf(command), steps);
      if (options.exitCode === true && steps.some(({ kind }) => kind !== 'same')) terminal().exitCode = DIFFERENT_EXIT_CODE;
    });
  withSizes(streams.command('apply'))
    .description('create and change streams; refuses, whole, what would destroy messages')
    .addHelpText('after', '\nExamples:\n  $ visapi streams apply\n  $ visapi streams apply --max-bytes 200GiB --replicas 3')
    .action(async (options: StreamOptions, command: Command) => {
      const configs = await configsOf(options);
      report(outputOf(command), await withBroker((connection) => applyStreams(connection, configs)));
    });
  withSizes(streams.command('show'))
    .argument('[name]', 'one stream')
    .description('the configuration, as nats stream add --config takes it')
    .addHelpText('after', '\nExamples:\n  $ visapi streams show EVENTS > events.json\n  $ nats stream add EVENTS --config events.json')
    .action(async (name: string | undefined, options: StreamOptions, command: Command) => {
      const configs = (await configsOf(options)).filter((config) => name === undefined || config.name === name);
      if (configs.length === 0)
        throw new CommandError(
          `expected one of ${logStreams()
            .map((config) => config.name)
            .join(', ')}, got ${name}`,
          { exitCode: exitCodes.notFound },
        );
      const shown = name === undefined ? configs : configs[0];
      outputOf(command).result(shown, () => JSON.stringify(shown, null, 2));
    });
}

function withSizes(command: Command): Command {
  return command
    .option('--max-bytes <size>', 'what all streams together may use on the disk, like 200GiB', `${DEFAULT_LOG_BYTES / 1024 ** 3}GiB`)
    .option('--replicas <count>', 'copies of every stream: 1, or 3 in a cluster (default: VISAPI_REPLICAS, or as npm start has them)');
}

async function configsOf({ maxBytes, replicas }: StreamOptions): Promise<StreamConfig[]> {
  const count = replicas === undefined ? (await findAddresses()).replicas : Number(replicas);
  if (![1, 3, 5].includes(count))
    throw new CommandError(`--replicas: expected 1, 3 or 5, got ${replicas}`, { exitCode: exitCodes.wrongUsage });
  return logStreams({ totalBytes: parseSize(maxBytes), replicas: count });
}

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

function parseSize(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMGT]iB)?$/.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS[unit] ?? 1));
  if (number === '' || !Number.isSafeInteger(bytes) || bytes < MIN_LOG_BYTES)
    throw new CommandError(`--max-bytes: expected a size from ${MIN_LOG_BYTES / 1024 ** 2}MiB, like 200GiB, got ${text}`, {
      exitCode: exitCodes.wrongUsage,
    });
  return bytes;
}

function report(output: Output, steps: readonly StreamStep[]): void {
  const consumers = { needed: countConsumers(ACTOR_LANES), atMost: MAX_CONSUMERS };
  output.result(
    { steps, consumers },
    () =>
      `${table(
        ['stream', 'step', 'changes'],
        steps.map((step) => [step.name, step.kind, changesOf(step)]),
      )}\nconsumers: ${consumers.needed} of at most ${consumers.atMost}`,
  );
}

function changesOf(step: StreamStep): string {
  if (step.kind !== 'update' && step.kind !== 'refused') return '';
  return step.changes
    .map(
      ({ field, from, to, refusal }) =>
        `${field}: ${JSON.stringify(from)} -> ${JSON.stringify(to)}${refusal === undefined ? '' : ` (refused: ${refusal})`}`,
    )
    .join('\n');
}
