import { randomUUID } from 'node:crypto';
import type { Registry } from 'prom-client';
import type { DeadLetterSubjects } from '../actor/dead-letter.ts';
import type { ActorDefinition } from '../actor/define-actor.ts';
import type { RuntimeLog } from '../actor/report-attempt.ts';
import { ActorRuntime, type RuntimeOptions } from '../actor/runtime.ts';
import { systemClock } from '../core/clock.ts';
import type { Readiness } from '../http/ops-server.ts';
import { createBrokerAdapter } from '../jetstream/broker-adapter.ts';
import type { BrokerConnection } from '../jetstream/connection.ts';
import { measurePublisher } from '../jetstream/measured-publisher.ts';
import { createPublisher, type Publisher } from '../jetstream/publisher.ts';
import type { Database } from '../store/database.ts';
import { createRecordStore } from '../store/record-store.ts';
import { logDone } from '../telemetry/canonical-line.ts';
import type { Logger } from '../telemetry/log.ts';
import { publisherMetrics } from '../telemetry/metrics.ts';
import { createActorObserver } from './actor-observer.ts';

/** Joins the actor runtime with JetStream and PostgreSQL. The connection and the database stay their opener's. */
export interface ActorHostOptions {
  /** The name that a restarted process keeps: it takes its earlier life's units over at once. */
  readonly instance: string;
  readonly actors: readonly ActorDefinition[];
  readonly connection: BrokerConnection;
  readonly database: Database;
  readonly log: Logger;
  readonly registry: Registry;
  /** The log's shape. */
  readonly lanesOf: RuntimeOptions['lanesOf'];
  readonly subjects: DeadLetterSubjects;
  /** See `RuntimeOptions`. */
  readonly sourceOf?: RuntimeOptions['sourceOf'];
  readonly timing?: RuntimeOptions['timing'];
}

export interface ActorHost {
  readonly publisher: Publisher;
  readonly runtime: ActorRuntime;
  /** Ready: connected to the broker, heard by the database, and every unit taken is open. */
  readiness(): Promise<Readiness>;
  /** Ends within twice `drainMs` and a little. May be called twice. */
  stop(drainMs: number): Promise<void>;
}

/** The database was not heard of for longer than a lease: the units may be somebody else's. */
const RECORD_SILENT_MS = 3_000;

export function startActorHost(options: ActorHostOptions): ActorHost {
  const { instance, actors, connection, database, log, registry, lanesOf, subjects, sourceOf, timing } = options;
  const onHeldUp = (because: string): void => log.warn({ because }, 'the log takes nothing at the moment; trying again');
  const publisher = measurePublisher(createPublisher(connection, { onHeldUp }), publisherMetrics(registry));
  const record = createRecordStore(database);
  const runtime = new ActorRuntime({
    owner: instance,
    nonce: randomUUID(),
    actors,
    broker: createBrokerAdapter(connection, publisher),
    record,
    lanesOf,
    subjects,
    clock: systemClock,
    random: Math.random,
    log: runtimeLog(log),
    observer: createActorObserver(registry),
    ...(sourceOf === undefined ? {} : { sourceOf }),
    ...(timing === undefined ? {} : { timing }),
  });
  runtime.start();
  let stopped: Promise<void> | undefined;
  return {
    publisher,
    runtime,
    readiness: () => Promise.resolve(readiness(connection, runtime)),
    stop: (drainMs) =>
      (stopped ??= (async () => {
        await runtime.stop(drainMs);
        await publisher.stop(drainMs);
        await record.close();
      })()),
  };
}

function runtimeLog(log: Logger): RuntimeLog {
  return {
    info: (fields, text) => log.info(fields, text),
    warn: (fields, text) => log.warn(fields, text),
    error: (fields, text) => log.error(fields, text),
    done: (line) => logDone(log, line),
  };
}

function readiness(connection: BrokerConnection, runtime: ActorRuntime): Readiness {
  const { units, openUnits, recordAgeMs } = runtime.status();
  const checks = {
    broker: { ok: connection.isConnected(), detail: connection.isConnected() ? 'connected' : 'not connected' },
    database: { ok: recordAgeMs < RECORD_SILENT_MS, detail: `answered ${Math.round(recordAgeMs)} ms ago` },
    units: { ok: openUnits === units, detail: `${openUnits} of ${units} open` },
  };
  return { ready: Object.values(checks).every(({ ok }) => ok), checks };
}
