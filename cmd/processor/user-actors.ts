import type { ActorDefinition } from '../../lib/actor/define-actor.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { AppError } from '../../lib/core/app-error.ts';
import { loadActors } from '../../lib/host/load-actors.ts';
import { KIT_ADDRESSES } from '../../sdk/kit-addresses.ts';
import { laneOwnerOf } from '../../streams/actor-lanes.ts';
import { ACTOR_LANES } from '../../streams/actors.ts';
import { checkConsumerCount } from '../../streams/lanes.ts';
import { asUserActor } from '../../streams/user-actor.ts';

/** Loads what VISAPI_ACTORS names. @throws AppError `invalid_config` with all that is wrong */
export async function loadUserActors(paths: readonly string[]): Promise<ActorDefinition[]> {
  const taken = ACTOR_LANES.map(({ name }) => name);
  const loaded = await loadActors({ paths, from: process.cwd(), taken, kit: KIT_ADDRESSES });
  try {
    checkConsumerCount([...ACTOR_LANES, ...loaded.map(({ definition }) => laneOwnerOf(definition))]);
  } catch (error) {
    throw new AppError('invalid_config', error instanceof Error ? error.message : String(error), { cause: error });
  }
  return loaded.map(({ definition }) => asUserActor(definition, systemClock));
}
