import { Gauge, type Registry } from 'prom-client';

export type LogMetrics = ReturnType<typeof logMetrics>;

/** How full the streams of the log are. */
export function logMetrics(registry: Registry) {
  const options = { labelNames: ['stream'], registers: [registry] };
  return {
    bytes: new Gauge({ name: 'visapi_log_bytes', help: 'Bytes of a stream of the log', ...options }),
    maxBytes: new Gauge({
      name: 'visapi_log_max_bytes',
      help: 'The limit of a stream of the log, at which it takes nothing more',
      ...options,
    }),
  };
}
