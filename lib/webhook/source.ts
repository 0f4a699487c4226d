import { z } from 'zod';
import { AppError } from '../core/app-error.ts';
import { PRIORITIES } from '../core/priority.ts';
import type { Priority } from '../core/priority.ts';
import { Secret } from '../core/secret.ts';
import { BODY_PATH } from './body-path.ts';
import { PRESETS, PRESET_NAMES } from './presets.ts';
import type { Preset, PresetName } from './presets.ts';
import { createVerifier } from './signature.ts';

/** Who may send to us, how it is verified, and where its values are found. */
export interface Source {
  /** A token of the subject and of the address: `/hooks/<name>`. */
  readonly name: string;
  readonly preset: Preset;
  readonly verify: ReturnType<typeof createVerifier>;
  /** Instead of the preset's, a path into the body. */
  readonly keyPath: string | undefined;
  readonly priority: PriorityRule;
}

/** One priority for all, or by a value of the body. */
export type PriorityRule =
  | { readonly kind: 'fixed'; readonly priority: Priority }
  | { readonly kind: 'byPath'; readonly path: string; readonly values: Readonly<Record<string, Priority>>; readonly otherwise: Priority };

const priority = z.enum(PRIORITIES);
const path = z.string().regex(BODY_PATH, 'expected names and indexes between dots');

const sourceSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'expected 1 to 64 of a-z, 0-9, _ and -'),
  preset: z.enum(PRESET_NAMES as [PresetName, ...PresetName[]]),
  secrets: z
    .array(
      z.strictObject({
        value: z.string().min(1, 'expected a secret, got an empty one'),
        expiresAt: z.iso.datetime({ offset: true, error: 'expected a time like 2026-01-31T12:00:00Z' }).optional(),
      }),
    )
    .min(1, 'expected at least one secret')
    // Two are a rotation; more only make every request dearer.
    .max(4, 'expected at most 4 secrets'),
  key: path.optional(),
  priority: z
    .union([priority, z.strictObject({ path, values: z.record(z.string(), priority), otherwise: priority.default('default') })])
    .default('default'),
});

const sourcesSchema = z.array(sourceSchema).max(1_000);

/**
 * Reads the sources out of a parsed file. Throws `invalid_config` that lists every mistake with its place and no secret's
 * value; a secret that is empty or does not fit its preset is one.
 */
export function parseSources(value: unknown): ReadonlyMap<string, Source> {
  const parsed = sourcesSchema.safeParse(value);
  if (!parsed.success) throw invalid(parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`));
  const sources = new Map<string, Source>();
  const mistakes: string[] = [];
  for (const entry of parsed.data) {
    if (sources.has(entry.name)) mistakes.push(`${entry.name}: expected each name once`);
    try {
      sources.set(entry.name, toSource(entry));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      mistakes.push(`${entry.name}: ${error.message}`);
    }
  }
  if (mistakes.length > 0) throw invalid(mistakes);
  return sources;
}

function toSource(entry: z.infer<typeof sourceSchema>): Source {
  const preset = PRESETS[entry.preset];
  const secrets = entry.secrets.map(({ value, expiresAt }) => ({
    value: new Secret(value),
    ...(expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) }),
  }));
  return {
    name: entry.name,
    preset,
    verify: createVerifier(preset.signature, secrets),
    keyPath: entry.key,
    priority: typeof entry.priority === 'string' ? { kind: 'fixed', priority: entry.priority } : { kind: 'byPath', ...entry.priority },
  };
}

function invalid(mistakes: readonly string[]): AppError {
  return new AppError('invalid_config', [`${mistakes.length} problem(s) in the sources:`, ...mistakes].join('\n  - '));
}
