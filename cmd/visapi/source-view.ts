import type { SecretView, SourceChange, SourceView } from '../../lib/settings/source-store.ts';
import { localTime } from './moment.ts';
import { table } from './output.ts';

/** A source in full, for people: everything but its secrets. */
export function sourceText(source: SourceView, changes: readonly SourceChange[], address: string): string {
  const { name: _name, preset, ...document } = source.document;
  const fields = Object.entries(document).map(([field, value]) => `  ${field.padEnd(12)} ${text(value)}`);
  return [
    `${source.name}: ${preset}`,
    `  ${'address'.padEnd(12)} ${address}`,
    ...fields,
    '',
    'Secrets, the newest first:',
    secretsText(source.secrets),
    '',
    'Changes, the last first:',
    changesText(changes),
  ].join('\n');
}

export function secretsText(secrets: readonly SecretView[]): string {
  return table(
    ['secret', 'created', 'counts until'],
    secrets.map(({ id, createdAt, expiresAt }) => [id, time(createdAt), until(expiresAt)]),
  );
}

/** Until when a secret or a key counts. */
export function until(expiresAt: string | null, otherwise = 'it is replaced'): string {
  if (expiresAt === null) return otherwise;
  return Date.parse(expiresAt) > Date.now() ? time(expiresAt) : `${time(expiresAt)} (over)`;
}

export function time(rfc3339: string): string {
  return localTime(new Date(rfc3339));
}

function changesText(changes: readonly SourceChange[]): string {
  return table(
    ['when', 'by', 'what', 'secrets then'],
    changes.toReversed().map(({ changedAt, changedBy, what, secretIds }) => [time(changedAt), changedBy, what, secretIds.join(', ')]),
  );
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
