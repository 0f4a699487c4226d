import { randomBytes } from 'node:crypto';
import { createSeal } from '../core/seal.ts';
import { Secret } from '../core/secret.ts';
import type { BrokerConnection } from '../jetstream/connection.ts';
import { createKvBucket } from '../jetstream/kv-bucket.ts';
import { createKeyStore, type KeyStore } from '../settings/key-store.ts';
import { createSourceStore, type SourceStore } from '../settings/source-store.ts';

/** A source as tests write it down: its document with the secrets in it. */
export interface TestSource {
  readonly name: string;
  readonly preset: string;
  readonly secrets: readonly { readonly value: string; readonly expiresAt?: string }[];
  readonly [field: string]: unknown;
}

/** Secrets for one test, and what a program needs to know of them. */
export interface TestSecrets {
  readonly env: { readonly VISAPI_SECRETS_KEY: string; readonly API_KEY_PEPPER: string };
  /** The stores over a broker's bucket `config`, which has to be there. */
  stores(connection: BrokerConnection): { readonly sources: SourceStore; readonly keys: KeyStore };
}

export function createTestSecrets(): TestSecrets {
  const secretsKey = randomBytes(32).toString('base64');
  const pepper = randomBytes(32).toString('base64');
  return {
    env: { VISAPI_SECRETS_KEY: secretsKey, API_KEY_PEPPER: pepper },
    stores(connection) {
      const options = { bucket: createKvBucket(connection, 'config'), who: 'test' };
      return {
        sources: createSourceStore({ ...options, seal: createSeal(new Secret(secretsKey)) }),
        keys: createKeyStore({ ...options, pepper: () => new Secret(pepper), env: 'dev' }),
      };
    },
  };
}

/** Stores sources and one API key that may send events of the source `api`. @returns the key's text */
export async function storeTestSettings(
  secrets: TestSecrets,
  connection: BrokerConnection,
  sources: readonly TestSource[],
): Promise<string> {
  const stores = secrets.stores(connection);
  for (const { secrets: given, ...document } of sources) {
    await stores.sources.add(
      document,
      given.map(({ value, expiresAt }) => ({ value: new Secret(value), expiresAt })),
    );
  }
  const { text } = await stores.keys.create({ name: 'test', source: 'api', scopes: ['events:write'], expiresAt: null });
  return text.reveal();
}
