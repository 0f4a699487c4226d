import { z } from 'zod';
import { AppError } from '../core/app-error.ts';
import { PRIORITIES } from '../core/priority.ts';
import type { Priority } from '../core/priority.ts';
import { BODY_PATH } from './body-path.ts';
import { createBodyReader } from './body-reader.ts';
import { MEDIA_TYPE, bodyKindOf } from './body-kind.ts';
import { parsePayloadTemplate } from './payload-template.ts';
import { PRESETS, PRESET_NAMES } from './presets.ts';
import type { Locator, Preset, PresetName } from './presets.ts';
import { TOLERANCE_SECONDS } from './signature.ts';
import type { SigningSecret, Verify } from './signature.ts';
import { createVerifier } from './verifier.ts';
import type { Scheme } from './verifier.ts';

/** Who may send to us, how it is verified, and where its values are found. */
export interface Source {
  /** A token of the subject and of the address: `/hooks/<name>`. */
  readonly name: string;
  readonly preset: PresetName;
  readonly scheme: Scheme;
  readonly verify: Verify;
  /** Media types in lower case. */
  readonly contentTypes: readonly string[];
  /** Undefined: what the program takes at most. */
  readonly maxBodyBytes: number | undefined;
  readonly accepted: Preset['accepted'];
  readonly challenge: Preset['challenge'];
  readonly id: Preset['id'];
  readonly type: Preset['type'];
  readonly key: Preset['key'];
  readonly time: Preset['time'];
  readonly priority: PriorityRule;
  /** Checks a body by its kind, and reads the paths of all of these. */
  readonly readBody: ReturnType<typeof createBodyReader>;
}

/** One priority for all, or by a value of the body. */
export type PriorityRule =
  | { readonly kind: 'fixed'; readonly priority: Priority }
  | { readonly kind: 'byPath'; readonly path: string; readonly values: Readonly<Record<string, Priority>>; readonly otherwise: Priority };

/** The largest that any program may be told to take (`INGEST_MAX_BODY_BYTES`); a source's own limit is below the program's. */
const MAX_BODY_BYTES = 8_388_608;
/** Two are a rotation; more only make every request dearer. */
const MAX_SECRETS = 4;
/** A signature that counts for a day can be sent again for a day. */
const MAX_TOLERANCE_SECONDS = 86_400;

const priority = z.enum(PRIORITIES);
const path = z.string().regex(BODY_PATH, 'expected a path into the body: names and indexes between dots, as data.object.id');
const header = z
  .string()
  .toLowerCase()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'expected the name of a header');
const locator = z.union([path, z.strictObject({ header })], {
  error: 'expected a path into the body, as data.object.id, or { "header": "<name>" }',
});

const common = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'expected 1 to 64 of a-z, 0-9, _ and -'),
  /** Where the key, the type and the id are, instead of where the preset finds them. */
  key: locator.optional(),
  type: locator.optional(),
  id: locator.optional(),
  priority: z
    .union([priority, z.strictObject({ path, values: z.record(z.string(), priority), otherwise: priority.default('default') })], {
      error: `expected ${PRIORITIES.join(', ')}, or { "path", "values", "otherwise" }`,
    })
    .default('default'),
  maxBodyBytes: z.int().min(1).max(MAX_BODY_BYTES).optional(),
});

/** A source that may declare its content types. */
const open = common.extend({
  contentTypes: z.array(z.string().toLowerCase().regex(MEDIA_TYPE, 'expected a media type, as application/json')).min(1).max(16).optional(),
});

const genericOptions = z.strictObject({
  /** The header with the signature. */
  header,
  algorithm: z.enum(['sha256', 'sha512', 'sha1']).default('sha256'),
  encoding: z.enum(['hex', 'base64', 'base64url']).default('hex'),
  /** What stands before the signature in its header. */
  prefix: z
    .string()
    .max(32)
    .regex(/^[ -~]*$/, 'expected printable ASCII')
    .default(''),
  /** What is signed: {body}, {timestamp}, {header:<name>} and text. */
  payload: z
    .string()
    .max(256)
    .regex(/^[ -~]*$/, 'expected printable ASCII')
    .default('{body}'),
  /** The header with the time of sending in Unix seconds, where the payload has {timestamp}. */
  timestampHeader: header.optional(),
  toleranceSeconds: z.int().min(1).max(MAX_TOLERANCE_SECONDS).default(TOLERANCE_SECONDS),
});

const apiKeyOptions = z.strictObject({ header: header.default('x-api-key') });

/** Everything of a source but its secrets. Strict: a misspelt field is a mistake, not a default. */
export const sourceDocumentSchema = z.discriminatedUnion(
  'preset',
  [
    common.extend({ preset: z.enum(['github', 'stripe', 'slack']) }),
    open.extend({ preset: z.enum(['standard-webhooks', 'bearer', 'basic']) }),
    open.extend({ preset: z.literal('generic'), options: genericOptions }),
    open.extend({ preset: z.literal('api-key'), options: apiKeyOptions.prefault({}) }),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? `expected one of ${PRESET_NAMES.join(', ')}` : undefined) },
);

export type SourceDocument = z.output<typeof sourceDocumentSchema>;

/** Reads a source's document. @throws AppError `invalid_config` with every mistake, its place and what was expected */
export function parseSourceDocument(value: unknown): SourceDocument {
  const parsed = sourceDocumentSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.map((issue) => `${issue.path.join('.') || 'source'}: ${issue.message}`));
}

/**
 * Makes a source that can verify. The document is one that the schema has read.
 * @throws AppError `invalid_config` with every mistake, its place and what was expected, and no secret's value
 */
export function compileSource(document: SourceDocument, secrets: readonly SigningSecret[]): Source {
  const preset: Preset = PRESETS[document.preset];
  const contentTypes = ('contentTypes' in document ? document.contentTypes : undefined) ?? preset.contentTypes.are;
  const mistakes: string[] = [];
  const attempt = <Value>(place: string, make: () => Value): Value | undefined => {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      mistakes.push(`${place}${error.message}`);
      return undefined;
    }
  };
  const scheme = attempt('', () => schemeOf(document, preset));
  if (secrets.length > MAX_SECRETS) mistakes.push(`secrets: expected at most ${MAX_SECRETS}, got ${secrets.length}`);
  // A scheme that does not fit says nothing about the secrets.
  const verify = scheme === undefined ? undefined : attempt('', () => createVerifier(scheme, secrets));
  mistakes.push(...unreachable(document, contentTypes));
  if (scheme === undefined || verify === undefined || mistakes.length > 0) throw invalid(mistakes, document.name);
  const places = {
    id: document.id === undefined ? preset.id : toLocator(document.id),
    type: document.type === undefined ? preset.type : [[toLocator(document.type)]],
    key: document.key === undefined ? preset.key : [toLocator(document.key)],
    time: preset.time,
    challenge: preset.challenge,
    priority: toRule(document.priority),
  };
  return {
    name: document.name,
    preset: document.preset,
    scheme,
    verify,
    contentTypes,
    maxBodyBytes: document.maxBodyBytes,
    accepted: preset.accepted,
    ...places,
    readBody: createBodyReader(bodyPaths(places)),
  };
}

/** All paths into the body that an event of the source is made by. */
function bodyPaths({
  id,
  type,
  key,
  time,
  challenge,
  priority: rule,
}: Pick<Source, 'id' | 'type' | 'key' | 'time' | 'challenge' | 'priority'>): string[] {
  const locators = [id, ...type.flat(), ...key, time].filter((each) => each !== null);
  return [
    ...locators.flatMap((each) => ('path' in each ? [each.path] : [])),
    ...(challenge === null ? [] : [challenge.at, challenge.answer]),
    ...(rule.kind === 'byPath' ? [rule.path] : []),
  ];
}

function toRule(given: SourceDocument['priority']): PriorityRule {
  return typeof given === 'string' ? { kind: 'fixed', priority: given } : { kind: 'byPath', ...given };
}

function toLocator(text: string | { readonly header: string }): Locator {
  return typeof text === 'string' ? { path: text } : text;
}

/** @throws TypeError where the options contradict each other */
function schemeOf(document: SourceDocument, preset: Preset): Scheme {
  if (document.preset === 'api-key') return { kind: 'credential', form: 'plain', header: document.options.header };
  if (document.preset !== 'generic') {
    if (preset.scheme === null) throw new TypeError(`preset: expected one with a scheme, got ${document.preset}`);
    return preset.scheme;
  }
  const { header: signatureHeader, algorithm, encoding, prefix, payload, timestampHeader, toleranceSeconds } = document.options;
  let signed;
  try {
    signed = parsePayloadTemplate(payload);
  } catch (error) {
    throw new TypeError(`options.payload: ${error instanceof Error ? error.message : ''}`, { cause: error });
  }
  if (signed.includes('timestamp') && timestampHeader === undefined)
    throw new TypeError('options.timestampHeader: expected the header of the {timestamp} in the payload, got none');
  if (timestampHeader !== undefined && !signed.includes('timestamp'))
    throw new TypeError('options.payload: expected {timestamp} in it: a time that is not signed can be changed by anybody');
  return {
    kind: 'signature',
    algorithm,
    header: signatureHeader,
    separator: null,
    prefix,
    encoding,
    signed,
    key: 'utf8',
    timestamp: timestampHeader === undefined ? null : { header: timestampHeader },
    toleranceSeconds,
  };
}

/** Paths into a body that nobody will read. */
function unreachable(document: SourceDocument, contentTypes: readonly string[]): string[] {
  if (contentTypes.includes('*/*') || contentTypes.some((type) => bodyKindOf(type) !== 'bytes')) return [];
  const paths = { key: document.key, type: document.type, id: document.id, priority: document.priority };
  return Object.entries(paths)
    .filter(([name, value]) => (name === 'priority' ? typeof value === 'object' : typeof value === 'string'))
    .map(([name]) => `${name}: expected it in a header, as a body of ${contentTypes.join(', ')} is not read`);
}

function invalid(mistakes: readonly string[], name?: string): AppError {
  const whose = name === undefined ? 'a source' : `the source ${name}`;
  return new AppError('invalid_config', [`${mistakes.length} problem(s) in ${whose}:`, ...mistakes].join('\n  - '));
}
