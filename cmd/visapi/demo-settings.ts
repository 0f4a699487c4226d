import { randomBytes } from 'node:crypto';
import { parseApiKey } from '../../lib/access/api-key.ts';
import { Secret } from '../../lib/core/secret.ts';
import { readPrivate, writePrivate } from '../../lib/dev/local-secrets.ts';
import type { ReadyDemo } from '../../lib/dev/ready-file.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import type { KeyStore } from '../../lib/settings/key-store.ts';
import { CommandError } from './output.ts';
import { openSettingStores } from './session.ts';

/** As much as the hash behind the signature can use. */
const SECRET_BYTES = 32;

const GITHUB = 'github';

const DEMO_SOURCES = [
  { document: { name: GITHUB, preset: 'github' }, newSecret: () => randomBytes(SECRET_BYTES).toString('hex') },
  {
    document: { name: 'demo-standard', preset: 'standard-webhooks' },
    newSecret: () => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`,
  },
] as const;

/** Makes the demo's sources and its API key where they are missing; what a person has changed of them stays. */
export async function ensureDemoSettings(connection: BrokerConnection, keyFile: string, say: (line: string) => void): Promise<ReadyDemo> {
  const { sources, keys } = await openSettingStores(connection);
  for (const { document, newSecret } of DEMO_SOURCES) {
    const added = await sources.add(document, [{ value: new Secret(newSecret()) }]);
    if (added !== undefined) say(`added the demo's source ${document.name}`);
  }
  const secret = await sources.secretOf(GITHUB);
  if (secret === undefined)
    throw new CommandError(`no secret of the source ${GITHUB} counts: visapi sources rotate ${GITHUB} gives it one`);
  const apiKey = await ensureDemoKey(keys, keyFile, say);
  return { source: GITHUB, secret: secret.reveal(), signatureHeader: 'x-hub-signature-256', apiKey };
}

/** The text is nowhere but in the file: where that is gone, there is a new key. */
async function ensureDemoKey(keys: KeyStore, file: string, say: (line: string) => void): Promise<string> {
  const kept = await readPrivate(file);
  const parts = kept === undefined ? 'malformed' : parseApiKey(kept);
  const known = typeof parts === 'string' ? undefined : (await keys.list()).keys.find(({ id }) => id === parts.id);
  if (kept !== undefined && known?.revokedAt === null && known.expiresAt === null) return kept;
  const { key, text } = await keys.create({ name: 'demo', source: 'demo', scopes: ['events:write'], expiresAt: null });
  await writePrivate(file, text.reveal());
  say(`made the demo's API key ${key.id}`);
  return text.reveal();
}
