/** One of those that are compared, in a process of its own: `dispatch-program.ts <keyed | bare> <broker> <database> <log file>`; its orders come by IPC. */
import { pino } from 'pino';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { openDatabase } from '../../lib/store/database.ts';
import { createLog } from '../../lib/telemetry/log.ts';
import { createTurnDestination } from '../../lib/telemetry/turn-destination.ts';
import { openBareConsume } from './bare-consume.ts';
import { type DispatchProgress, type DispatchReader, epochMs, type Reading } from './dispatch-reader.ts';
import { openKeyedDispatch } from './keyed-dispatch.ts';

/** In this order: open a round, go, end it. */
export type DispatchOrder =
  | ({ readonly order: 'open' } & Pick<Reading, 'reader' | 'addressee' | 'index' | 'processes'>)
  | { readonly order: 'go' | 'end' };

export type DispatchReport =
  | { readonly report: 'started' | 'opened' }
  | ({ readonly report: 'progress'; /** When it was looked at, milliseconds since the epoch. */ readonly at: number } & DispatchProgress)
  | { readonly report: 'ended'; /** Of this process, from go to end. */ readonly cpuSeconds: number; readonly rssBytes: number };

/** How exactly the end of a round is known; a round takes seconds. */
const LOOK_MS = 5;

const [kind, natsUrl = '', databaseUrl = '', logFile = ''] = process.argv.slice(2);
const connection = await connectBroker({ url: natsUrl, name: `bench ${kind}` });
const database = await openDatabase({ url: databaseUrl, applicationName: `bench ${kind}` });
// A file, as where a program's output is kept, written as the processor does: the line about each message is part of what is measured.
const destination = createTurnDestination(pino.destination({ dest: logFile, sync: true }));
const log = createLog({ program: 'bench', env: 'development', version: '0', level: 'info', destination });
const open = kind === 'keyed' ? openKeyedDispatch : openBareConsume;
const tell = (report: DispatchReport): void => void process.send?.(report);

let reader: DispatchReader | undefined;
let looking: Promise<void> | undefined;
let isGoing = false;
let cpuBefore = process.cpuUsage();

async function look(of: DispatchReader): Promise<void> {
  let told = -1;
  while (isGoing) {
    const progress = await of.progress();
    if (progress.ended !== told) tell({ report: 'progress', at: epochMs(), ...progress });
    told = progress.ended;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function obey(order: DispatchOrder): Promise<void> {
  if (order.order === 'open') {
    reader = await open({ ...order, connection, database, log });
    tell({ report: 'opened' });
  } else if (order.order === 'go') {
    cpuBefore = process.cpuUsage();
    isGoing = true;
    looking = look(reader!);
    reader!.go();
  } else {
    isGoing = false;
    await looking;
    const { user, system } = process.cpuUsage(cpuBefore);
    await reader!.stop();
    tell({ report: 'ended', cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage().rss });
  }
}

process.on('message', (order: DispatchOrder) => void obey(order));
process.on('disconnect', () => process.exit());
tell({ report: 'started' });
