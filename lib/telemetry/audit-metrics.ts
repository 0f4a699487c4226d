import { Gauge, type Registry } from 'prom-client';

export type AuditMetrics = ReturnType<typeof auditMetrics>;

/** What the audit that runs all the time says. */
export function auditMetrics(registry: Registry) {
  const registers = [registry];
  let behindSeconds = (): number => 0;
  new Gauge({
    name: 'visapi_audit_behind_seconds',
    help: 'Since when the audit has not reached the end of the log of events',
    registers,
    collect() {
      this.set(behindSeconds());
    },
  });
  const roundSeconds = new Gauge({ name: 'visapi_audit_round_seconds', help: 'How long the last round of the audit took', registers });
  return {
    round: (seconds: number): void => roundSeconds.set(seconds),
    unaccounted: new Gauge({
      name: 'visapi_unaccounted_events',
      help: 'Events accepted since this process began of which nobody can say where they are, by kind',
      labelNames: ['kind'],
      registers,
    }),
    observe(read: () => number): void {
      behindSeconds = read;
    },
  };
}
