import type { LoadedActor } from '../../lib/host/load-actors.ts';
import { ACTOR_LANES } from '../../streams/actors.ts';
import { readToolConfig } from './config.ts';

/** The actors of a user's own that VISAPI_ACTORS names here. @throws AppError `invalid_config` with all that is wrong with them */
export async function loadToolActors(): Promise<LoadedActor[]> {
  const { userActors: paths } = readToolConfig();
  if (!paths) return [];
  const [{ loadActors }, { KIT_ADDRESSES }] = await Promise.all([
    import('../../lib/host/load-actors.ts'),
    import('../../sdk/kit-addresses.ts'),
  ]);
  const taken = ACTOR_LANES.map(({ name }) => name);
  return await loadActors({ paths: paths.split(',').map((path) => path.trim()), from: process.cwd(), taken, kit: KIT_ADDRESSES });
}
