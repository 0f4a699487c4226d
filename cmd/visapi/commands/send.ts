import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { Secret } from '../../../lib/core/secret.ts';
import { PRESET_NAMES } from '../../../lib/webhook/presets.ts';
import type { PresetName } from '../../../lib/webhook/presets.ts';
import { compileSource } from '../../../lib/webhook/source.ts';
import { findAddresses } from '../connection.ts';
import { findExample, githubExamples } from '../example-payload.ts';
import { parseCount } from '../moment.ts';
import { CommandError, exitCodes, outputOf, table } from '../output.ts';
import { sendOrders } from '../order-events.ts';
import { postRequest, type Sent } from '../post-request.ts';
import { providerHeaders, type ProviderOf } from '../provider-request.ts';
import { readSecretFile } from '../secret-input.ts';
import { withSettings } from '../session.ts';
import { terminal } from '../terminal.ts';

interface SendOptions {
  readonly example?: string;
  readonly data?: string;
  readonly event?: string;
  readonly id?: string;
  readonly times: string;
  readonly secretFile?: string;
  readonly preset?: PresetName;
  readonly list?: true;
  readonly orders?: string;
  readonly seed: string;
  readonly email?: string;
}

/** `visapi send`: signs a payload as the provider would, and posts it. */
export function registerSend(program: Command): void {
  program
    .command('send')
    .argument('[source]', 'the name of the source: /hooks/<source>', 'github')
    .option('--example <name>', "one of GitHub's own payloads, as release.published")
    .option('--data <text>', 'the body, or @file')
    .option('--event <name>', "with --data: GitHub's event, as release", 'push')
    .option('--id <id>', "the provider's id; the same one again is a duplicate")
    .option('--times <count>', 'how often, one after the other', '1')
    .option('--secret-file <path>', "the secret to sign with; otherwise the source's newest")
    .addOption(new Option('--preset <name>', 'how to sign; otherwise as the source says').choices(PRESET_NAMES))
    .option('--list', 'the names of the examples')
    .option('--orders <count>', 'made-up order.paid events to /v1/events instead, under the API key of npm start')
    .option('--seed <number>', 'with --orders: the same number makes the same orders', '1')
    .option('--email <address>', 'with --orders: who gets the receipts; otherwise addresses that nobody has')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi send github --example release.published
  $ visapi send github --example release.published --id 4711 --times 2
  $ visapi send github --event push --data '{"repository":{"full_name":"octo/demo"}}'
  $ visapi send demo-standard --data @order.json
  $ visapi send shop --preset stripe --secret-file whsec.txt --data @invoice.json
  $ visapi send --orders 3
  $ visapi send --orders 1 --seed 42 --email me@example.org
  $ visapi send --list`,
    )
    .action(async (source: string, options: SendOptions, command: Command) => {
      const output = outputOf(command);
      if (options.list === true) {
        const names = [...githubExamples().keys()].toSorted();
        output.result(names, () => names.join('\n'));
        return;
      }
      const { orders } = options;
      const sent = orders === undefined ? await sendWebhooks(source, options) : await sendOrders({ ...options, orders });
      output.result(sent.length === 1 ? sent[0] : sent, () =>
        table(
          ['status', 'event id', 'duplicate', 'provider id', 'ms', 'problem'],
          sent.map((one) => [one.status, one.id, one.duplicate, one.providerId, one.ms, one.code]),
        ),
      );
      if (sent.some(({ status }) => status >= 300)) terminal().exitCode = exitCodes.failed;
    });
}

async function sendWebhooks(source: string, options: SendOptions): Promise<Sent[]> {
  const { body, event } = await readPayload(options);
  const { secret, preset } = await findSigning(source, options);
  const { ingestUrl } = await findAddresses();
  const times = parseCount('--times', options.times, 1, 100_000);
  const sent: Sent[] = [];
  for (let count = 0; count < times; count += 1) {
    const { id, headers } = providerHeaders({ preset, secret, body, event, id: options.id, nowMs: Date.now() });
    sent.push(await postRequest(`${ingestUrl}/hooks/${encodeURIComponent(source)}`, body, headers, id));
  }
  return sent;
}

async function readPayload(options: SendOptions): Promise<{ body: Uint8Array; event: string }> {
  if ((options.example === undefined) === (options.data === undefined))
    throw new CommandError('expected --example <name> or --data <text or @file>', { exitCode: exitCodes.wrongUsage });
  if (options.example !== undefined) {
    const { payload, event } = findExample(options.example);
    return { body: Buffer.from(JSON.stringify(payload)), event };
  }
  const data = options.data ?? '';
  const body = data.startsWith('@') ? await readFile(data.slice(1)) : Buffer.from(data);
  return { body, event: options.event ?? 'push' };
}

interface Signing {
  readonly secret: string;
  readonly preset: PresetName | ProviderOf;
}

/** The secret is never an argument: arguments are seen by everybody on the machine. */
async function findSigning(name: string, options: SendOptions): Promise<Signing> {
  if (options.secretFile !== undefined && options.preset !== undefined)
    return { secret: await readSecretFile(options.secretFile), preset: options.preset };
  return await withSettings(async ({ sources }) => {
    const source = await sources.find(name);
    if (source === undefined)
      throw new CommandError(`there is no source ${name}: visapi sources list shows them, visapi sources add makes one`, {
        exitCode: exitCodes.notFound,
      });
    const secret = options.secretFile === undefined ? (await sources.secretOf(name))?.reveal() : await readSecretFile(options.secretFile);
    if (secret === undefined) throw new CommandError(`no secret of ${name} counts now: visapi sources rotate ${name} gives it one`);
    return { secret, preset: options.preset ?? compileSource(source.document, [{ value: new Secret(secret) }]) };
  });
}
