import type { Command } from 'commander';
import { SCOPE_NAMES, SCOPES, type Scope } from '../../../lib/access/scopes.ts';
import type { CreatedKey, KeyView } from '../../../lib/settings/key-store.ts';
import { nearestWord } from '../../../lib/workflow/mistake.ts';
import { readToolConfig } from '../config.ts';
import { findAddresses } from '../connection.ts';
import { tryKey } from '../key-trial.ts';
import { parseDuration } from '../moment.ts';
import { CommandError, exitCodes, outputOf, table, type Output } from '../output.ts';
import { time, until } from '../source-view.ts';
import { withSettings } from '../session.ts';

const OLD_EXPIRES = '24h';
/** A key that is replaced because somebody may know it must not count for longer. */
const MOST_OLD_EXPIRES = '7d';
/** Ten years: what lives longer never expires. */
const MOST_EXPIRES_IN = '3650d';
const NEVER = 'never';
/** What ends a key that never expires. */
const REVOKED = 'it is revoked';
/** A token of the event's subject. */
const SOURCE = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** `visapi keys`: who may send events to /v1/events. */
export function registerKeys(program: Command): void {
  const keys = program
    .command('keys')
    .addHelpText('after', '\nExamples:\n  $ visapi keys create --name shop --source shop --scopes events:write\n  $ visapi keys list');
  keys
    .command('create')
    .requiredOption('--name <text>', 'what people know it by')
    .requiredOption('--source <name>', 'the event source that its events have; it can name no other')
    .requiredOption(
      '--scopes <list>',
      `what it may do, with commas: ${SCOPE_NAMES.map((scope) => `${scope} (${SCOPES[scope]})`).join('; ')}`,
    )
    .option('--expires-in <duration>', `how long it counts, as 90d, or ${NEVER}`, NEVER)
    .description('make an API key; its text is shown once and stored nowhere')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi keys create --name shop --source shop --scopes events:write\n  $ visapi keys create --name ci --source ci --scopes events:write --expires-in 90d --json',
    )
    .action(async (options: { name: string; source: string; scopes: string; expiresIn: string }, command: Command) => {
      const { name, source } = options;
      if (name.trim() === '' || name.length > 100) throw wrong('--name: expected 1 to 100 characters');
      if (!SOURCE.test(source)) throw wrong(`--source: expected 1 to 64 of a-z, 0-9, _ and -, got ${source}`);
      const scopes = readScopes(options.scopes);
      const expiresAt = expiryOf(options.expiresIn);
      const created = await withSettings((stores) => stores.keys.create({ name, source, scopes, expiresAt }));
      outputOf(command).result(withText(created), () => createdText(created));
      await warnWhereRefused(created, outputOf(command));
    });
  keys
    .command('list')
    .option('--all', 'also those that were revoked or have expired')
    .description('API keys, the newest first; never their text')
    .addHelpText('after', '\nExamples:\n  $ visapi keys list\n  $ visapi keys list --all --json')
    .action(async ({ all }: { all?: true }, command: Command) => {
      const found = await withSettings((stores) => stores.keys.list());
      const shown = found.keys.filter((key) => all === true || stateOf(key) === 'counts');
      const rows = shown.map((key) => [
        key.id,
        key.name,
        key.source,
        key.scopes.join(', '),
        time(key.createdAt),
        lastsText(key),
        key.replaces,
      ]);
      rows.push(...found.unreadable.map((id) => [id, '', '', '', '', 'cannot be read', '']));
      outputOf(command).result({ keys: shown, unreadable: found.unreadable }, () =>
        rows.length === 0
          ? 'There is no API key. visapi keys create --help makes one.'
          : table(['key', 'name', 'source', 'scopes', 'created', 'counts until', 'replaces'], rows),
      );
    });
  keys
    .command('rotate')
    .argument('<key>', 'its id, as visapi keys list shows it: the part after vis_<environment>_')
    .option('--old-expires <duration>', `how long the present key still counts, up to ${MOST_OLD_EXPIRES}`, OLD_EXPIRES)
    .option(
      '--expires-in <duration>',
      `how long the new one counts, as 90d, or ${NEVER}; else as long as the present one did when it was made`,
    )
    .option('--force', 'also where the key has a successor already')
    .description('make a new key for the same; for a while both count')
    .addHelpText(
      'after',
      '\nExamples:\n  $ visapi keys rotate 4QfRx2h7vA\n  $ visapi keys rotate 4QfRx2h7vA --old-expires 1h --expires-in 90d',
    )
    .action(async (id: string, options: { oldExpires: string; expiresIn?: string; force?: true }, command: Command) => {
      const oldExpiresAt = new Date(Date.now() + parseDuration('--old-expires', options.oldExpires, MOST_OLD_EXPIRES));
      const expiresAt = options.expiresIn === undefined ? undefined : expiryOf(options.expiresIn);
      const result = await withSettings((stores) => stores.keys.rotate(idOf(id), expiresAt, oldExpiresAt, options.force === true));
      switch (result.kind) {
        case 'no-key':
          throw noKey(id);
        case 'revoked':
          throw new CommandError(`the key ${id} is revoked; visapi keys create makes a new one`);
        case 'rotating':
          throw new CommandError(`the key ${id} has the successor ${result.successor} already; --force makes another`);
        case 'rotated':
          outputOf(command).result({ ...withText(result), old: result.old }, () =>
            [createdText(result), '', `The key ${result.old.id} counts until ${until(result.old.expiresAt, REVOKED)}.`].join('\n'),
          );
          await warnWhereRefused(result, outputOf(command));
      }
    });
  keys
    .command('revoke')
    .argument('<key>', 'its id')
    .description('refuse a key from now on, everywhere within 5 s')
    .addHelpText('after', '\nExamples:\n  $ visapi keys revoke 4QfRx2h7vA')
    .action(async (id: string, _options, command: Command) => {
      const key = await withSettings((stores) => stores.keys.revoke(idOf(id)));
      if (key === undefined) throw noKey(id);
      if (key === 'removed') {
        outputOf(command).result(
          { id: idOf(id), removed: true },
          () => `Removed ${idOf(id)}, which could not be read and was refused already.`,
        );
        return;
      }
      outputOf(command).result(key, () => `Revoked ${key.id} (${key.name}): it is refused everywhere within 5 s.`);
    });
}

/** A key of another environment is good to nobody, and this tool cannot see how ingest was started. */
async function warnWhereRefused({ text }: CreatedKey, output: Output): Promise<void> {
  const [{ ingestUrl }, { env }] = [await findAddresses(), readToolConfig()];
  if ((await tryKey(ingestUrl, text)) !== 'refused') return;
  output.note(
    `warning: ingest at ${ingestUrl} refuses this key. Does it have VISAPI_ENV=${env} and this API_KEY_PEPPER, as this tool does?`,
  );
}

/** Whoever gives the whole key means it; the id is what is looked for, and all that is ever printed of it. */
function idOf(text: string): string {
  return /^vis_[a-z]+_([0-9A-Za-z]+)_/.exec(text)?.[1] ?? text;
}

/** @throws CommandError with the nearest right word */
function readScopes(text: string): Scope[] {
  const words = [...new Set(text.split(',').map((word) => word.trim()))];
  return words.map((word) => {
    const scope = SCOPE_NAMES.find((each) => each === word);
    if (scope !== undefined) return scope;
    const nearest = nearestWord(word, SCOPE_NAMES);
    throw wrong(
      `--scopes: expected ${SCOPE_NAMES.join(', ')}, got ${word || 'nothing'}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
    );
  });
}

function expiryOf(text: string): string | null {
  return text === NEVER ? null : new Date(Date.now() + parseDuration('--expires-in', text, MOST_EXPIRES_IN)).toISOString();
}

function withText({ key, text }: CreatedKey): object {
  return { ...key, key: text.reveal() };
}

function createdText({ key, text }: CreatedKey): string {
  return [
    `The key ${key.id} (${key.name}) for events of ${key.source}; it counts until ${until(key.expiresAt, REVOKED)}:`,
    '',
    `  ${text.reveal()}`,
    '',
    'It is not shown again. Send it as authorization: Bearer <key>.',
  ].join('\n');
}

function stateOf(key: KeyView): 'counts' | 'revoked' | 'expired' {
  if (key.revokedAt !== null) return 'revoked';
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= Date.now() ? 'expired' : 'counts';
}

function lastsText(key: KeyView): string {
  return key.revokedAt === null ? until(key.expiresAt, REVOKED) : `revoked ${time(key.revokedAt)}`;
}

function wrong(message: string): CommandError {
  return new CommandError(message, { exitCode: exitCodes.wrongUsage });
}

function noKey(id: string): CommandError {
  return new CommandError(`there is no key ${idOf(id)}; visapi keys list --all shows them`, { exitCode: exitCodes.notFound });
}
