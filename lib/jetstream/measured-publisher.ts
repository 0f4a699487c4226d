import { AppError } from '../core/app-error.ts';
import type { PublisherMetrics } from '../telemetry/metrics.ts';
import type { Publisher } from './publisher.ts';

/**
 * Counts and times what goes through a publisher. The label `stream` is the first token of the subject (`events`,
 * `commands`, `dead`, `advisory`); the outcome is `stored`, `duplicate`, or the code of the error.
 */
export function measurePublisher(publisher: Publisher, metrics: PublisherMetrics): Publisher {
  return {
    async publish(emit, signal) {
      const stream = emit.subject.split('.', 1)[0] ?? '';
      const endTimer = metrics.publishSeconds.startTimer({ stream });
      metrics.unconfirmed.inc();
      try {
        const ack = await publisher.publish(emit, signal);
        endTimer();
        metrics.published.inc({ stream, outcome: ack.duplicate ? 'duplicate' : 'stored' });
        return ack;
      } catch (error) {
        metrics.published.inc({ stream, outcome: error instanceof AppError ? error.code : 'failed' });
        throw error;
      } finally {
        metrics.unconfirmed.dec();
      }
    },
    flush: (timeoutMs) => publisher.flush(timeoutMs),
    stop: (timeoutMs) => publisher.stop(timeoutMs),
    get unsettled() {
      return publisher.unsettled;
    },
  };
}
