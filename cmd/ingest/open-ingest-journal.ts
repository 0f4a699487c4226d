import { armFailPoint } from '../../lib/journal/fail-point.ts';
import type { Journal } from '../../lib/journal/journal.ts';
import { openJournal } from '../../lib/journal/open-journal.ts';
import type { ProgramContext } from '../../lib/program/run-program.ts';
import { journalMetrics } from '../../lib/telemetry/door-metrics.ts';
import type { IngestConfig } from './config.ts';

/** Opens the journal that the configuration names, and tells what is wrong with it. */
export async function openIngestJournal({
  config,
  log,
  registry,
}: Pick<ProgramContext<IngestConfig>, 'config' | 'log' | 'registry'>): Promise<Journal> {
  armFailPoint(config.failPoint);
  return await openJournal({
    path: config.journalPath,
    maxBytes: config.journalMaxBytes,
    identities: { maxCount: config.journalMaxIds },
    metrics: journalMetrics(registry),
    onDamaged: (number) => log.error({ number }, 'a record of the journal is damaged: it is kept aside'),
    onRescued: (rescue) => log.error(rescue, 'the file of the journal is damaged: what is readable is taken over into a new one'),
    onStuck() {
      log.fatal('the journal does not come back from its disk: ending, so that it is opened anew');
      process.kill(process.pid, 'SIGKILL');
    },
  });
}
