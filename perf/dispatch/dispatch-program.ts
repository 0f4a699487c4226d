/** One of the two that are compared, in a process of its own: `dispatch-program.ts <keyed | bare> <broker> <database>`; rounds come by IPC. */
import { pino } from 'pino';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { openDatabase } from '../../lib/store/database.ts';
import { createLog } from '../../lib/telemetry/log.ts';
import { createTurnDestination } from '../../lib/telemetry/turn-destination.ts';
import { runBareConsume } from './bare-consume.ts';
import { runKeyedDispatch } from './keyed-dispatch.ts';

export interface DispatchJob {
  readonly reader: string;
  readonly count: number;
}

export interface DispatchResult {
  readonly seconds: number;
  /** Of this process. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

const [kind, natsUrl = '', databaseUrl = '', logFile = ''] = process.argv.slice(2);
const connection = await connectBroker({ url: natsUrl, name: `bench ${kind}` });
const database = await openDatabase({ url: databaseUrl, applicationName: `bench ${kind}` });
// A file, as where a program's output is kept, written as the processor does: the line about each message is part of what is measured.
const destination = createTurnDestination(pino.destination({ dest: logFile, sync: true }));
const log = createLog({ program: 'bench', env: 'development', version: '0', level: 'info', destination });
const run = kind === 'keyed' ? runKeyedDispatch : runBareConsume;

process.on('message', (job: DispatchJob) => {
  const cpuBefore = process.cpuUsage();
  void run({ ...job, connection, database, log }).then((seconds) => {
    const { user, system } = process.cpuUsage(cpuBefore);
    const { rss } = process.memoryUsage();
    process.send?.({ seconds, cpuSeconds: (user + system) / 1e6, rssBytes: rss } satisfies DispatchResult);
  });
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
