import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { SourceView } from '../../../lib/settings/source-store.ts';
import { findAddresses } from '../connection.ts';
import { parseDuration } from '../moment.ts';
import { CommandError, exitCodes, outputOf, table } from '../output.ts';
import { providerHint } from '../provider-hints.ts';
import { type GivenSecret, readSecret, type SecretOptions } from '../secret-input.ts';
import { addSourceOptions, sourceDocument, type SourceOptions } from '../source-options.ts';
import { testSource } from '../source-test.ts';
import { sourceText, time, until } from '../source-view.ts';
import { withSettings } from '../session.ts';
import { terminal } from '../terminal.ts';

/** Long enough for every sender to be changed in a working day. */
const OLD_EXPIRES = '24h';
/** A secret that is replaced because somebody may know it must not count for longer. */
const MOST_OLD_EXPIRES = '7d';

/** `visapi sources`: who may send webhooks. */
export function registerSources(program: Command): void {
  const sources = program
    .command('sources')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi sources add shop --preset standard-webhooks --generate\n  $ visapi sources test shop\n  $ visapi sources list',
    );
  registerAdd(sources);
  sources
    .command('list')
    .description('all sources')
    .addHelpText('after', '\nExamples:\n  $ visapi sources list\n  $ visapi sources list --json')
    .action(async (_options, command: Command) => {
      const found = await withSettings((stores) => stores.sources.list());
      const rows = found.sources.map(({ name, document, secrets, changedAt, changedBy }) => {
        const active = secrets.filter(({ expiresAt }) => expiresAt === null || Date.parse(expiresAt) > Date.now());
        return [name, document.preset, active.length, time(changedAt), changedBy, ''];
      });
      rows.push(...found.unreadable.map(({ name, because }) => [name, '', '', '', '', because]));
      outputOf(command).result(found, () =>
        rows.length === 0
          ? 'There is no source. visapi sources add --help makes one.'
          : table(['source', 'preset', 'secrets', 'changed', 'by', 'cannot be used'], rows),
      );
    });
  sources
    .command('show')
    .argument('<name>', 'as visapi sources list shows it')
    .description('one source with the ids of its secrets, and who changed it; never a secret')
    .addHelpText('after', '\nExamples:\n  $ visapi sources show github\n  $ visapi sources show github --json')
    .action(async (name: string, _options, command: Command) => {
      const [source, changes] = await withSettings(
        async (stores) => [await stores.sources.find(name), await stores.sources.history(name)] as const,
      );
      if (source === undefined) throw noSource(name);
      const address = await addressOf(name);
      outputOf(command).result({ ...source, address, changes }, () => sourceText(source, changes, address));
    });
  registerRotate(sources);
  sources
    .command('test')
    .argument('<name>')
    .description('send a signed example, which becomes an event of the type visapi.test, and say what came back')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi sources test github\n  $ INGEST_URL=https://hooks.example.com visapi sources test stripe',
    )
    .action(async (name: string, _options, command: Command) => {
      const result = await withSettings(async (stores) => {
        const [source, secret] = [await stores.sources.find(name), await stores.sources.secretOf(name)];
        if (source === undefined) throw noSource(name);
        if (secret === undefined) throw new CommandError(`no secret of ${name} counts now; visapi sources rotate ${name} gives it one`);
        return await testSource(source, secret, await addressOf(name));
      });
      outputOf(command).result(result, () => `${result.status} after ${result.ms} ms: ${result.says}`);
      if (!result.isAccepted) terminal().exitCode = exitCodes.failed;
    });
  sources
    .command('reseal')
    .description('seal all secrets anew with the first of VISAPI_SECRETS_KEY, so that the others can go')
    .addHelpText('after', '\nExamples:\n  $ VISAPI_SECRETS_KEY_FILE=new-and-old visapi sources reseal')
    .action(async (_options, command: Command) => {
      const names = await withSettings((stores) => stores.sources.reseal());
      outputOf(command).result({ resealed: names }, () => `Sealed anew: ${names.join(', ') || 'there is no source'}.`);
    });
  sources
    .command('remove')
    .argument('<name>')
    .option('--yes', 'do not ask for the name again')
    .description('refuse this source from now on; what it sent stays')
    .addHelpText('after', '\nExamples:\n  $ visapi sources remove old-shop\n  $ visapi sources remove old-shop --yes')
    .action(async (name: string, { yes }: { yes?: true }, command: Command) => {
      if (yes !== true) await confirm(name);
      if (!(await withSettings((stores) => stores.sources.remove(name)))) throw noSource(name);
      outputOf(command).result({ removed: name }, () => `Removed ${name}: within 5 s its requests are answered 404.`);
    });
}

function registerAdd(sources: Command): void {
  addSecretOptions(addSourceOptions(sources.command('add').argument('<name>', 'its address becomes /hooks/<name>')))
    .description('let somebody send webhooks; the secret comes from standard input or a file')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi sources add github --preset github --generate
  $ visapi sources add stripe --preset stripe < whsec.txt
  $ visapi sources add shop --preset standard-webhooks --secret-file shop.secret --key data.order.id --priority critical
  $ visapi sources add erp --preset generic --header x-erp-signature --prefix sha256= --payload '{timestamp}.{body}' --timestamp-header x-erp-time --generate
  $ visapi sources add meter --preset api-key --header x-meter-key --content-type application/json text/csv --generate`,
    )
    .action(async (name: string, options: SourceOptions & SecretOptions, command: Command) => {
      const document = await sourceDocument(name, options);
      const secret = await readSecret(options, String(document['preset']));
      const source = await withSettings((stores) => stores.sources.add(document, [secret]));
      if (source === undefined)
        throw new CommandError(`there is a source ${name} already; visapi sources rotate ${name} gives it another secret`);
      const address = await addressOf(name);
      outputOf(command).result({ ...source, address, ...shown(secret) }, () =>
        [
          `Added ${name} (${source.document.preset}).`,
          ...secretLines(secret),
          '',
          `  ${address}`,
          '',
          providerHint(source.document, address),
          ...(isLocal(address) ? ['For senders elsewhere put your public host into the address.'] : []),
        ].join('\n'),
      );
    });
}

function registerRotate(sources: Command): void {
  addSecretOptions(sources.command('rotate').argument('<name>'))
    .option('--old-expires <duration>', `how long the present secret still counts, up to ${MOST_OLD_EXPIRES}`, OLD_EXPIRES)
    .option('--force', 'also while the secret before the present one still counts')
    .description('give a source a new secret; for a while both count')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi sources rotate github --generate
  $ visapi sources rotate stripe --old-expires 1h < whsec-new.txt
  $ visapi sources rotate github --generate --old-expires 0s --force   # somebody else knows it`,
    )
    .action(async (name: string, options: SecretOptions & { oldExpires: string; force?: true }, command: Command) => {
      const oldExpiresAt = new Date(Date.now() + parseDuration('--old-expires', options.oldExpires, MOST_OLD_EXPIRES));
      const [source, secret] = await withSettings(async (stores) => {
        const present = await stores.sources.find(name);
        if (present === undefined) throw noSource(name);
        const given = await readSecret(options, present.document.preset);
        const result = await stores.sources.rotate(name, given.value, oldExpiresAt, options.force === true);
        if (result.kind === 'no-source') throw noSource(name);
        if (result.kind === 'rotating')
          throw new CommandError(
            `${name} is being rotated: the secret before counts until ${time(result.until)}; --force does it all the same`,
          );
        return [result.source, given] as const;
      });
      outputOf(command).result({ ...source, ...shown(secret) }, () => rotatedText(source, secret));
    });
}

function rotatedText(source: SourceView, secret: GivenSecret): string {
  const old = source.secrets.slice(1).map(({ id, expiresAt }) => `  ${id} counts until ${until(expiresAt)}`);
  return [`${source.name} has the new secret ${source.secrets[0]?.id ?? ''}; it counts within 5 s.`, ...secretLines(secret), ...old].join(
    '\n',
  );
}

function addSecretOptions(command: Command): Command {
  return command
    .option('--secret-file <path>', 'the file with the secret; otherwise it is read from standard input')
    .option('--generate', 'make a secret, and show it once');
}

/** Only one that nobody has seen yet is shown. */
function shown(secret: GivenSecret): { readonly secret?: string } {
  return secret.isNew ? { secret: secret.value.reveal() } : {};
}

function secretLines(secret: GivenSecret): string[] {
  return secret.isNew ? ['', `  ${secret.value.reveal()}`, '', 'This is its secret. It is not shown again.'] : [];
}

async function addressOf(name: string): Promise<string> {
  const { ingestUrl } = await findAddresses();
  return `${ingestUrl}/hooks/${name}`;
}

function isLocal(address: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(address).hostname);
}

async function confirm(name: string): Promise<void> {
  const expected = new CommandError(`expected the name ${name} again, or --yes; nothing was removed`, { exitCode: exitCodes.wrongUsage });
  const { stdin, stderr } = terminal();
  if (stdin.isTTY !== true) throw expected;
  const reader = createInterface({ input: stdin, output: stderr });
  try {
    if ((await reader.question(`Its requests will be refused. The name again: `)).trim() !== name) throw expected;
  } finally {
    reader.close();
  }
}

function noSource(name: string): CommandError {
  return new CommandError(`there is no source ${name}; visapi sources list shows them`, { exitCode: exitCodes.notFound });
}
