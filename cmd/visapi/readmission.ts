import { RequestError } from '@nats-io/transport-node';
import type { BrokerConnection } from '../../lib/jetstream/connection.ts';
import { removeMessages } from '../../lib/jetstream/message-removal.ts';
import { READMIT_CHUNK, readmitAnswerSchema } from '../../streams/readmission.ts';
import type { ReadmitAnswer, ReadmitOutcome, ReadmitRequest, ReadmitResult } from '../../streams/readmission.ts';
import { READMIT_SUBJECT, STREAMS } from '../../streams/subjects.ts';
import { CommandError, exitCodes } from './output.ts';
import type { RejectedEntry } from './rejected-requests.ts';

/** One request and what became of it. */
export interface Readmission extends ReadmitResult {
  readonly source: string;
  readonly reason: string;
  readonly receivedAt: string;
}

/** Ingest answers a group within its own limit for accepting, 2.2 s, and the reading before it. */
const ANSWER_TIMEOUT_MS = 20_000;
/** Bodies that one ingest has in memory at once for this. */
const CHUNK_BYTES = 4 * 1024 ** 2;

/** They are events now, or were before: nobody needs the request any more. */
const DONE: readonly ReadmitOutcome[] = ['admitted', 'duplicate'];

/**
 * Has a running ingest judge the entries again, in their order, and removes from REJECTED what became an event. What is still
 * refused stays. Ended in its middle it can be begun again: what was admitted shows as `duplicate`.
 * @throws CommandError where no ingest runs, or it cannot accept; what was done until then is done
 */
export async function readmit(
  connection: BrokerConnection,
  entries: readonly RejectedEntry[],
  options: { readonly isDryRun: boolean; readonly onProgress?: (done: number) => void },
): Promise<Readmission[]> {
  const done: Readmission[] = [];
  // The first that answers keeps all of it, so that the events of a key stay in one journal.
  let subject = READMIT_SUBJECT;
  let removing: Promise<unknown> = Promise.resolve();
  for (const chunk of chunksOf(entries)) {
    const answer = await ask(connection, subject, { seqs: chunk.map(({ seq }) => seq), isDryRun: options.isDryRun });
    if ('error' in answer)
      throw new CommandError(
        `ingest could not go on after ${done.length} of ${entries.length}: ${answer.error.message} (${answer.error.code}); run it again, nothing is admitted twice`,
      );
    subject = answer.session;
    // Removing is the slower half: the next group is judged meanwhile.
    await removing;
    const removable = answer.results.filter(({ outcome }) => DONE.includes(outcome)).map(({ seq }) => seq);
    removing = removeMessages(connection, STREAMS.rejected, removable);
    removing.catch(() => undefined);
    const bySeq = new Map(answer.results.map((result) => [result.seq, result]));
    for (const { seq, source, reason, receivedAt } of chunk)
      done.push({ source, reason, receivedAt, ...(bySeq.get(seq) ?? { seq, outcome: 'gone' }) });
    options.onProgress?.(done.length);
  }
  await removing;
  return done;
}

async function ask(connection: BrokerConnection, subject: string, request: ReadmitRequest): Promise<ReadmitAnswer> {
  try {
    const answer = await connection.nats.request(subject, JSON.stringify(request), { timeout: ANSWER_TIMEOUT_MS });
    return readmitAnswerSchema.parse(answer.json());
  } catch (error) {
    if (error instanceof RequestError && error.isNoResponders())
      throw new CommandError(
        subject === READMIT_SUBJECT
          ? 'expected an ingest that runs, got none at this broker: requests are readmitted through its door. Start it (npm start) and run this again'
          : 'the ingest that readmitted has stopped; run it again, nothing is admitted twice',
        { exitCode: exitCodes.unreachable },
      );
    throw new CommandError(`expected an answer of ingest within ${ANSWER_TIMEOUT_MS / 1_000} s; run it again, nothing is admitted twice`, {
      exitCode: exitCodes.unreachable,
      cause: error,
    });
  }
}

function* chunksOf(entries: readonly RejectedEntry[]): Generator<RejectedEntry[]> {
  let chunk: RejectedEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (chunk.length > 0 && (chunk.length === READMIT_CHUNK || bytes + entry.bodyBytes > CHUNK_BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(entry);
    bytes += entry.bodyBytes;
  }
  if (chunk.length > 0) yield chunk;
}
