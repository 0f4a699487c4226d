import { z } from 'zod';
import type { ApiKeyRecord } from '../access/key-ring.ts';
import { SCOPE_NAMES, type Scope } from '../access/scopes.ts';

/**
 * What the bucket `config` holds: a source under `sources.<name>`, an API key under `api-keys.<id>`, each as JSON. Fields
 * that are not known here are passed over, so that programs of two versions may run side by side.
 */
export const SOURCES_PREFIX = 'sources.';
export const API_KEYS_PREFIX = 'api-keys.';

/** The bucket's key of a source; sealed secrets are bound to it. */
export function sourceKey(name: string): string {
  return SOURCES_PREFIX + name;
}

export function apiKeyKey(id: string): string {
  return API_KEYS_PREFIX + id;
}

/** With a zone, so that it is one moment everywhere. */
const time = z.iso.datetime({ offset: true });
const change = { changedAt: time, changedBy: z.string() };

const storedSecretSchema = z.object({
  id: z.string().min(1),
  /** By lib/core/seal.ts; its place is the bucket's key of the source. */
  sealed: z.string().min(1),
  createdAt: time,
  /** Null: until it is removed. */
  expiresAt: time.nullable(),
});

export const storedSourceSchema = z.object({
  /** As lib/webhook/source.ts reads it. */
  document: z.record(z.string(), z.unknown()),
  secrets: z.array(storedSecretSchema).min(1),
  ...change,
});

export const storedApiKeySchema = z.object({
  id: z.string().min(1),
  name: z.string(),
  source: z.string(),
  scopes: z.array(z.enum(SCOPE_NAMES as [Scope, ...Scope[]])),
  digest: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'),
  expiresAt: time.nullable(),
  createdAt: time,
  revokedAt: time.nullable(),
  replaces: z.string().nullable(),
  ...change,
}) satisfies z.ZodType<ApiKeyRecord>;

export type StoredSecret = z.infer<typeof storedSecretSchema>;
export type StoredSource = z.infer<typeof storedSourceSchema>;
export type StoredApiKey = z.infer<typeof storedApiKeySchema>;

/** Reads one value. @throws TypeError with every place that does not fit, and none of the value */
export function readStored<Value>(schema: z.ZodType<Value>, text: string): Value {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the text.
    throw new TypeError('expected JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TypeError(parsed.error.issues.map((issue) => `${issue.path.join('.') || 'value'}: ${issue.message}`).join('; '));
}
