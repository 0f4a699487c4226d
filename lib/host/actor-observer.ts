import type { Registry } from 'prom-client';
import type { ActorObserver } from '../actor/observer.ts';
import { withInHand } from '../program/in-hand.ts';
import { actorMetrics } from '../telemetry/metrics.ts';

/** The runtime's measurements as metrics. */
export function createActorObserver(registry: Registry): ActorObserver {
  const metrics = actorMetrics(registry);
  return {
    within: (actor, { id, stream, seq }, run) => withInHand({ actor, messageId: id, stream, seq }, run),
    handled(actor, priority, verdict, durationMs, queueMs) {
      metrics.messages.inc({ actor, priority, verdict });
      metrics.messageSeconds.tally({ actor }, durationMs / 1_000);
      if (queueMs !== undefined) metrics.queueWaitSeconds.tally({ actor, priority }, queueMs / 1_000);
      if (verdict === 'retry') metrics.retries.inc({ actor });
    },
    effect: (actor, outcome) => metrics.effects.inc({ actor, outcome }),
    deadLettered: (actor, reason) => metrics.deadLetters.inc({ actor, reason }),
    stateLoaded: (actor, from) => metrics.stateLoads.inc({ actor, from }),
    stateUsed(actor, { migratedFrom, trouble, bytes }) {
      if (migratedFrom !== undefined) metrics.stateMigrations.inc({ actor });
      if (trouble !== undefined) metrics.stateTroubles.inc({ actor, cause: trouble });
      if (bytes !== undefined && bytes > 0) metrics.stateBytes.observe({ actor }, bytes);
    },
    parked: (actor, delta) => metrics.parkedMessages.inc({ actor }, delta),
    repointed: (actor, cause) => metrics.laneRepoints.inc({ actor, cause }),
    settled(settlements, durationMs) {
      metrics.settleSeconds.observe(durationMs / 1_000);
      metrics.settleBatchSize.observe(settlements);
    },
    replaying: (actor, lanes) => metrics.replayLanes.set({ actor }, lanes),
    replayed: (actor, messages) => metrics.replayMessages.inc({ actor }, messages),
    units: (actor, count) => metrics.unitsOwned.set({ actor }, count),
    unitMoved: (actor, how) => metrics.unitMoves.inc({ actor, how }),
    members: (actor, count) => metrics.actorMembers.set({ actor }, count),
    outbox: (pending) => metrics.outboxPending.set(pending),
  };
}
