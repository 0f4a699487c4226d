import { z } from 'zod';
import { AppError } from '../core/app-error.ts';
import { Secret } from '../core/secret.ts';
import { compileSource, parseSourceDocument } from './source.ts';
import type { Source } from './source.ts';

const entrySchema = z.looseObject({
  secrets: z
    .array(
      z.strictObject({
        value: z.string().min(1, 'expected a secret, got an empty one'),
        expiresAt: z.iso.datetime({ offset: true, error: 'expected a time like 2026-01-31T12:00:00Z' }).optional(),
      }),
    )
    .min(1, 'expected at least one secret'),
});
const listSchema = z.array(entrySchema).max(1_000);

/**
 * Reads the sources out of a parsed file. Throws `invalid_config` that lists every mistake with its place and no secret's
 * value; a secret that is empty or does not fit its preset is one.
 */
export function parseSources(value: unknown): ReadonlyMap<string, Source> {
  const parsed = listSchema.safeParse(value);
  const mistakes = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`);
  const sources = new Map<string, Source>();
  for (const [index, { secrets, ...document }] of (parsed.data ?? []).entries()) {
    try {
      const source = compileSource(
        parseSourceDocument(document),
        secrets.map((secret) => ({
          value: new Secret(secret.value),
          ...(secret.expiresAt === undefined ? {} : { expiresAt: Date.parse(secret.expiresAt) }),
        })),
      );
      if (sources.has(source.name)) mistakes.push(`${source.name}: expected each name once`);
      sources.set(source.name, source);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      mistakes.push(`${index}: ${error.message}`);
    }
  }
  if (mistakes.length > 0)
    throw new AppError('invalid_config', [`${mistakes.length} problem(s) in the sources:`, ...mistakes].join('\n  - '));
  return sources;
}
