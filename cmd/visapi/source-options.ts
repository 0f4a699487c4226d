import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { PRIORITIES } from '../../lib/core/priority.ts';
import { PRESET_NAMES } from '../../lib/webhook/presets.ts';
import { nearestWord } from '../../lib/workflow/mistake.ts';
import { parseCount } from './moment.ts';
import { CommandError, exitCodes } from './output.ts';

/** What `visapi sources add` takes beside name and secret; everything that a source's document can say. */
export interface SourceOptions {
  readonly preset?: string;
  readonly document?: string;
  readonly key?: string;
  readonly type?: string;
  readonly id?: string;
  readonly priority?: string;
  readonly maxBodyBytes?: string;
  readonly contentType?: readonly string[];
  readonly header?: string;
  readonly algorithm?: string;
  readonly encoding?: string;
  readonly prefix?: string;
  readonly payload?: string;
  readonly timestampHeader?: string;
  readonly toleranceSeconds?: string;
}

/** Adds the options to the command. */
export function addSourceOptions(command: Command): Command {
  return command
    .option('--preset <name>', `who sends: ${PRESET_NAMES.join(', ')}`)
    .option('--document <file>', 'the source as JSON, for what the options cannot say; options go before it')
    .option('--key <place>', 'where the key is: a path into the body, as data.customer.id, or header:<name>')
    .option('--type <place>', "where the event's type is")
    .option('--id <place>', "where the sender's id of the event is; it makes a repeated one a duplicate")
    .option('--priority <name>', PRIORITIES.join(', '))
    .option('--max-body-bytes <count>', 'the largest body that it may send')
    .option('--content-type <type...>', 'the content types that it sends (not with every preset)')
    .option('--header <name>', 'generic, api-key: the header with the signature or the secret')
    .option('--algorithm <name>', 'generic: sha256, sha512 or sha1')
    .option('--encoding <name>', 'generic: hex, base64 or base64url')
    .option('--prefix <text>', 'generic: what stands before the signature, as sha256=')
    .option('--payload <template>', 'generic: what is signed, as {timestamp}.{body}')
    .option('--timestamp-header <name>', 'generic: the header with the time of sending')
    .option('--tolerance-seconds <count>', 'generic: how old a request may be');
}

/** Bytes and seconds have their limits in the source's own schema; these only keep a typing error out of it. */
const MAX_COUNT = 1_000_000_000;

/**
 * Makes a source's document of the options; what is wrong in it is told by whoever reads the document.
 * @throws CommandError for a preset that is none, with the nearest right word
 */
export async function sourceDocument(name: string, options: SourceOptions): Promise<Record<string, unknown>> {
  const base = options.document === undefined ? {} : await readDocument(options.document);
  const preset = options.preset ?? base['preset'];
  if (typeof preset !== 'string' || !PRESET_NAMES.some((each) => each === preset)) throw wrongPreset(preset);
  const own = defined({
    header: options.header,
    algorithm: options.algorithm,
    encoding: options.encoding,
    prefix: options.prefix,
    payload: options.payload,
    timestampHeader: options.timestampHeader,
    toleranceSeconds: count('--tolerance-seconds', options.toleranceSeconds),
  });
  const ownBase = typeof base['options'] === 'object' ? base['options'] : undefined;
  const header = { ...ownBase, ...own }['header'];
  if (preset === 'generic' && header === undefined)
    throw new CommandError(
      '--header: expected the header with the signature, as x-shop-signature, got none; the preset generic cannot know it',
      {
        exitCode: exitCodes.wrongUsage,
      },
    );
  return defined({
    ...base,
    ...defined({
      key: place(options.key),
      type: place(options.type),
      id: place(options.id),
      priority: options.priority,
      maxBodyBytes: count('--max-body-bytes', options.maxBodyBytes),
      contentTypes: options.contentType,
    }),
    name,
    preset,
    options: Object.keys(own).length === 0 && ownBase === undefined ? undefined : { ...ownBase, ...own },
  });
}

async function readDocument(path: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new TypeError('expected an object');
  } catch (error) {
    throw new CommandError(`--document: expected a source as JSON in ${path}`, { cause: error, exitCode: exitCodes.wrongUsage });
  }
}

function wrongPreset(preset: unknown): CommandError {
  const nearest = typeof preset === 'string' ? nearestWord(preset, PRESET_NAMES) : undefined;
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  return new CommandError(
    `--preset: expected one of ${PRESET_NAMES.join(', ')}, got ${typeof preset === 'string' ? preset : 'none'}${hint}`,
    {
      exitCode: exitCodes.wrongUsage,
    },
  );
}

function place(text: string | undefined): string | { readonly header: string } | undefined {
  return text?.startsWith('header:') === true ? { header: text.slice('header:'.length) } : text;
}

function count(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseCount(option, text, 1, MAX_COUNT);
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
