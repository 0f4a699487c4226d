/** The one that drains: `drain-program.ts <broker> <database> <log file> <addressee>`. It waits with what it has in hand until it is told to go. */
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { type ActorDefinition, defineActor } from '../../lib/actor/define-actor.ts';
import { done } from '../../lib/actor/verdict.ts';
import { poll } from '../../lib/dev/poll.ts';
import { startActorHost } from '../../lib/host/actor-host.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { readAckSubject } from '../../lib/jetstream/stored-message.ts';
import { openDatabase } from '../../lib/store/database.ts';
import { createLog } from '../../lib/telemetry/log.ts';
import { createTurnDestination } from '../../lib/telemetry/turn-destination.ts';
import { DEAD_LETTER_SUBJECTS } from '../../streams/actor-lanes.ts';
import { benchLane, PARTITIONS } from '../dispatch/bench-lanes.ts';
import { epochMs } from '../dispatch/dispatch-reader.ts';

export type DrainReport =
  | { readonly report: 'opened' }
  | {
      readonly report: 'progress';
      /** Acknowledged, and so settled before. */
      readonly backlog: number;
      /** From before the publish to the acknowledgement, since the last report. */
      readonly liveMs: readonly number[];
    };

/** Longer than the backlog takes to be written while the handlers wait to be let go. */
const HANDLER_MS = 600_000;
const REPORT_MS = 100;
const PLACED_WITHIN_MS = 60_000;

const [natsUrl = '', databaseUrl = '', logFile = '', addressee = ''] = process.argv.slice(2);
const connection = await connectBroker({ url: natsUrl, name: 'bench drain' });
const database = await openDatabase({ url: databaseUrl, applicationName: 'bench drain' });
const destination = createTurnDestination(pino.destination({ dest: logFile, sync: true }));
const log = createLog({ program: 'bench', env: 'development', version: '0', level: 'info', destination });

const gate = Promise.withResolvers<void>();
/** By its sequence: when a live one was sent, epoch milliseconds. */
const liveInHand = new Map<number, number>();
let liveMs: number[] = [];
let backlog = 0;

// A message is done when its outcome is committed, and nothing says so outside but its acknowledgement.
const { nats } = connection;
const publish = nats.publish.bind(nats);
nats.publish = (subject, ...rest) => {
  publish(subject, ...rest);
  const seq = readAckSubject(subject)?.streamSeq;
  if (seq === undefined) return;
  const sentAt = liveInHand.get(seq);
  if (sentAt === undefined) backlog += 1;
  else liveMs.push(epochMs() - sentAt);
  liveInHand.delete(seq);
};

const actor = defineActor<{ readonly sentAt?: number }>({
  name: addressee,
  partitions: PARTITIONS,
  start: 'beginning',
  input: ({ body }) => JSON.parse(Buffer.from(body).toString()) as { sentAt?: number },
  retry: { attempts: 3, delayMs: () => 1_000 },
  timeoutMs: HANDLER_MS,
  async receive({ sentAt }, { message }) {
    await gate.promise;
    if (sentAt !== undefined) liveInHand.set(message.seq, sentAt);
    return done();
  },
});
const host = startActorHost({
  instance: addressee,
  actors: [actor as ActorDefinition],
  connection,
  database,
  log,
  registry: new Registry(),
  lanesOf: (_definition, partition) =>
    (['default', 'bulk'] as const).map((priority) => benchLane(addressee, addressee, partition, priority)),
  subjects: DEAD_LETTER_SUBJECTS,
});
const tell = (report: DrainReport): void => void process.send?.(report);

process.on('message', () => {
  gate.resolve();
  setInterval(() => {
    tell({ report: 'progress', backlog, liveMs });
    liveMs = [];
  }, REPORT_MS);
});
process.on('disconnect', () => process.exit());
await poll(() => Promise.resolve(host.runtime.status().openUnits === PARTITIONS ? true : undefined), {
  deadlineMs: PLACED_WITHIN_MS,
  what: `${PARTITIONS} partitions`,
});
tell({ report: 'opened' });
