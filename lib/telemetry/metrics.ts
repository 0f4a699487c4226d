import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { TalliedHistogram } from './tallied-histogram.ts';

/**
 * Every metric of the project, declared once, by room. Units are base units and stand in the name; labels have few values
 * (never a key, an id or an address). One registry per program; a room asks for its metrics once per registry.
 */

/** From half a millisecond (an accept without load) to the handler's usual limit. */
export const FAST_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
/** For work that talks to the outside world and for waits. */
export const SLOW_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** A program's one registry: the process's own metrics and which build it is. */
export function createRegistry(options: { program: string; version: string; env: string }): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'visapi_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['program', 'version', 'env'],
    registers: [registry],
  }).set(options, 1);
  return registry;
}

/** Counted by the watchdog in a file, since the process that it ends can count nothing any more. */
export function watchdogMetric(registry: Registry) {
  return new Counter({
    name: 'visapi_watchdog_ends_total',
    help: 'Processes of this instance that were ended because their event loop was blocked',
    registers: [registry],
  });
}

/** Asks whenever the metrics are read, so that an alert sees what a probe sees. */
export function readinessMetric(registry: Registry, isReady: () => Promise<boolean>): void {
  new Gauge({
    name: 'visapi_ready',
    help: '1 while the program can do its job, as /readyz says, else 0',
    registers: [registry],
    async collect() {
      this.set((await isReady()) ? 1 : 0);
    },
  });
}

export type IngestMetrics = ReturnType<typeof ingestMetrics>;

export function ingestMetrics(registry: Registry) {
  const registers = [registry];
  return {
    /** Requests on the hooks, by what came of them; `source` is `_unknown` where there is none of that name. */
    requests: new Counter({
      name: 'visapi_ingest_requests_total',
      help: 'Webhook requests by status',
      labelNames: ['source', 'status'],
      registers,
    }),
    accepted: new Counter({
      name: 'visapi_ingest_accepted_total',
      help: 'Events accepted',
      labelNames: ['source', 'duplicate'],
      registers,
    }),
    rejected: new Counter({
      name: 'visapi_ingest_rejected_total',
      help: 'Requests refused, by reason',
      labelNames: ['source', 'reason'],
      registers,
    }),
    acceptSeconds: new Histogram({
      name: 'visapi_ingest_accept_duration_seconds',
      help: 'From the verified request to the durable event',
      buckets: FAST_SECONDS,
      registers,
    }),
    bodyBytes: new Histogram({
      name: 'visapi_ingest_body_bytes',
      help: 'Size of accepted bodies',
      buckets: [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576],
      registers,
    }),
  };
}

/** The last one is the limit of a state. */
const STATE_BYTES = [64, 256, 1_024, 4_096, 16_384, 65_536];

export type ActorMetrics = ReturnType<typeof actorMetrics>;

export function actorMetrics(registry: Registry) {
  const registers = [registry];
  return {
    messages: new Counter({
      name: 'visapi_messages_total',
      help: 'Handled messages by verdict',
      labelNames: ['actor', 'priority', 'verdict'],
      registers,
    }),
    messageSeconds: new TalliedHistogram({
      name: 'visapi_message_duration_seconds',
      help: 'Time in the handler',
      labelNames: ['actor'],
      buckets: SLOW_SECONDS,
      registers,
    }),
    queueWaitSeconds: new TalliedHistogram({
      name: 'visapi_queue_wait_seconds',
      help: 'From the log storing a message to its first handler',
      labelNames: ['actor', 'priority'],
      buckets: SLOW_SECONDS,
      registers,
    }),
    settleSeconds: new Histogram({ name: 'visapi_settle_duration_seconds', help: 'One group commit', buckets: FAST_SECONDS, registers }),
    settleBatchSize: new Histogram({
      name: 'visapi_settle_batch_size',
      help: 'Messages settled by one group commit',
      buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500],
      registers,
    }),
    unitsOwned: new Gauge({ name: 'visapi_units_owned', help: 'Units that this process owns', labelNames: ['actor'], registers }),
    unitMoves: new Counter({
      name: 'visapi_unit_moves_total',
      help: 'Units that came to this process or left it',
      labelNames: ['actor', 'how'],
      registers,
    }),
    actorMembers: new Gauge({
      name: 'visapi_actor_members',
      help: 'Processes that run the actor, as this one has heard of them',
      labelNames: ['actor'],
      registers,
    }),
    parkedMessages: new Gauge({
      name: 'visapi_parked_messages',
      help: 'Messages that wait in the units of this process',
      labelNames: ['actor'],
      registers,
    }),
    deadLetters: new Counter({
      name: 'visapi_dead_letters_total',
      help: 'Dead letters by reason',
      labelNames: ['actor', 'reason'],
      registers,
    }),
    effects: new Counter({ name: 'visapi_effects_total', help: 'Effects by outcome', labelNames: ['actor', 'outcome'], registers }),
    outboxPending: new Gauge({
      name: 'visapi_outbox_pending',
      help: 'Settled messages of this process that are not published yet',
      registers,
    }),
    retries: new Counter({ name: 'visapi_retries_total', help: 'Attempts that are tried again', labelNames: ['actor'], registers }),
    replayLanes: new Gauge({
      name: 'visapi_replay_lanes',
      help: 'Lanes of this process with a replay that is under way and not paused',
      labelNames: ['actor'],
      registers,
    }),
    replayMessages: new Counter({
      name: 'visapi_replay_messages_total',
      help: 'Messages that replays have let go',
      labelNames: ['actor'],
      registers,
    }),
    stateLoads: new Counter({
      name: 'visapi_state_loads_total',
      help: 'States of keys that handlers needed, by where they were found',
      labelNames: ['actor', 'from'],
      registers,
    }),
    stateBytes: new Histogram({
      name: 'visapi_state_bytes',
      help: 'Size of the states that handlers gave back',
      labelNames: ['actor'],
      buckets: STATE_BYTES,
      registers,
    }),
    stateMigrations: new Counter({
      name: 'visapi_state_migrations_total',
      help: 'States that were brought to their present version when they were read',
      labelNames: ['actor'],
      registers,
    }),
    stateTroubles: new Counter({
      name: 'visapi_state_troubles_total',
      help: 'Messages that waited or were given up for their state, by cause',
      labelNames: ['actor', 'cause'],
      registers,
    }),
    laneRepoints: new Counter({
      name: 'visapi_lane_repoints_total',
      help: 'Consumers re-pointed to the record, by cause',
      labelNames: ['actor', 'cause'],
      registers,
    }),
  };
}

export type PublisherMetrics = ReturnType<typeof publisherMetrics>;

export function publisherMetrics(registry: Registry) {
  const registers = [registry];
  return {
    published: new Counter({ name: 'visapi_published_total', help: 'Publishes by outcome', labelNames: ['stream', 'outcome'], registers }),
    publishSeconds: new Histogram({
      name: 'visapi_publish_duration_seconds',
      help: 'From the first try to the confirmation; what was refused is not in it',
      labelNames: ['stream'],
      buckets: FAST_SECONDS,
      registers,
    }),
    unconfirmed: new Gauge({ name: 'visapi_publish_unconfirmed', help: 'Messages sent and not confirmed yet', registers }),
  };
}

export type EgressMetrics = ReturnType<typeof egressMetrics>;

export function egressMetrics(registry: Registry) {
  const registers = [registry];
  return {
    requests: new Counter({
      name: 'visapi_egress_requests_total',
      help: 'Requests to the outside world by outcome',
      labelNames: ['channel', 'outcome'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'visapi_egress_duration_seconds',
      help: 'Requests to the outside world',
      labelNames: ['channel'],
      buckets: SLOW_SECONDS,
      registers,
    }),
    blocked: new Counter({
      name: 'visapi_egress_blocked_total',
      help: 'Requests refused by a rule before they left',
      labelNames: ['reason'],
      registers,
    }),
  };
}
