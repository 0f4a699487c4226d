import { AppError } from '../../lib/core/app-error.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import { requestApi } from '../../lib/jetstream/api-request.ts';
import type { BrokerLink } from '../../lib/jetstream/broker-link.ts';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { scanLog } from '../../lib/jetstream/log-scan.ts';
import { measurePublisher } from '../../lib/jetstream/measured-publisher.ts';
import { createPublisher, type Publisher } from '../../lib/jetstream/publisher.ts';
import type { RelayLog } from '../../lib/journal/relay-log.ts';
import { DOUBT_MS } from '../../lib/journal/relay-session.ts';
import type { PublisherMetrics } from '../../lib/telemetry/metrics.ts';
import { STREAMS } from '../../streams/subjects.ts';

/** The log as ingest knows it: there or not, and never written to while its broker is unsafe. */
export interface EventLog extends RelayLog {
  /** Waits up to `timeoutMs` for what is under way. May be called twice. */
  stop(timeoutMs: number): Promise<void>;
}

/** The publisher begins when the broker is reached for the first time. */
export function createEventLog(link: BrokerLink, metrics: PublisherMetrics): EventLog {
  let publisher: Publisher | undefined;

  function begin(): void {
    if (link.connection !== undefined) publisher ??= measurePublisher(createPublisher(link.connection, { doubtMs: DOUBT_MS }), metrics);
  }

  function connected(): BrokerConnection {
    if (link.connection === undefined || link.state.kind === 'away') throw new AppError('broker_unavailable', because(link));
    return link.connection;
  }

  begin();
  const stopListening = link.onChange(begin);
  return {
    isOpen: () => link.state.kind === 'safe',
    onChange: (listener) => link.onChange(listener),
    async publish(emit, signal) {
      if (publisher === undefined || link.state.kind === 'unsafe') throw new AppError('broker_unavailable', because(link));
      return await publisher.publish(emit, signal);
    },
    async lastSeq(signal) {
      signal.throwIfAborted();
      const { state } = await requestApi<{ state: { last_seq: number } }>(connected(), `$JS.API.STREAM.INFO.${STREAMS.events}`);
      return state.last_seq;
    },
    async *readBack(fromSeq, signal) {
      for await (const messages of scanLog(connected(), { stream: STREAMS.events, fromSeq, signal }))
        yield messages.map((message) => ({ id: message.header(HEADERS.id), seq: message.seq, journal: message.header(HEADERS.journal) }));
    },
    async stop(timeoutMs) {
      stopListening();
      await publisher?.stop(timeoutMs);
    },
  };
}

function because({ state }: BrokerLink): string {
  return state.kind === 'safe' ? 'the broker is not connected' : `the broker is ${state.kind}: ${state.because}`;
}
