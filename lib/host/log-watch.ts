import type { BrokerConnection } from '../jetstream/connection.ts';
import { readBounds } from '../jetstream/log-reader.ts';
import type { LogMetrics } from '../telemetry/log-metrics.ts';
import type { Logger } from '../telemetry/log.ts';

export interface LogWatchOptions {
  readonly connection: BrokerConnection;
  readonly streams: readonly string[];
  readonly metrics: LogMetrics;
  readonly logger: Pick<Logger, 'warn'>;
  /** (Default: a minute) */
  readonly intervalMs?: number;
}

/** Keeps the metrics of how full streams are; what they say while the broker is away is what was last. */
export function startLogWatch({ connection, streams, metrics, logger, intervalMs = 60_000 }: LogWatchOptions): { stop(): void } {
  const look = async (): Promise<void> => {
    for (const stream of streams) {
      const { bytes, maxBytes } = await readBounds(connection, stream);
      metrics.bytes.set({ stream }, bytes);
      metrics.maxBytes.set({ stream }, maxBytes);
    }
  };
  const tick = (): void => void look().catch((error: unknown) => logger.warn({ err: error }, 'how full the log is could not be read'));
  tick();
  const timer = setInterval(tick, intervalMs);
  return { stop: () => clearInterval(timer) };
}
