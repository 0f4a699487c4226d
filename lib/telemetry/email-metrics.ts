import { Counter, type Registry } from 'prom-client';

export type EmailMetrics = ReturnType<typeof emailMetrics>;

export function emailMetrics(registry: Registry) {
  return {
    /** E-mails that certainly were not sent by a try, by where it ended and what follows. */
    failures: new Counter({
      name: 'visapi_email_failures_total',
      help: 'Tries to send an e-mail that failed, by stage and by what follows',
      labelNames: ['stage', 'meaning'],
      registers: [registry],
    }),
  };
}
