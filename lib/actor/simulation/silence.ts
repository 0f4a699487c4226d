import type { ActorLog } from '../define-actor.ts';
import type { ActorObserver } from '../observer.ts';

function ignore(): void {
  // Tests look at what happened, not at what was said about it.
}

export const silentLog: ActorLog = { info: ignore, warn: ignore, error: ignore };

export const silentObserver: ActorObserver = {
  handled: ignore,
  effect: ignore,
  deadLettered: ignore,
  stateLoaded: ignore,
  stateUsed: ignore,
  parked: ignore,
  repointed: ignore,
  settled: ignore,
  outbox: ignore,
  replaying: ignore,
  replayed: ignore,
  units: ignore,
  unitMoved: ignore,
  members: ignore,
};
