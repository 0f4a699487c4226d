import { z } from 'zod';

/** More in one request would make its answer late: an ingest reads each, and gives them to its journal together. */
export const READMIT_CHUNK = 200;

/**
 * What the tool asks of an ingest process, on `READMIT_SUBJECT`, and what it answers: only ingest has the sources, their
 * secrets and the journal that remembers which events there were.
 *
 * The first request goes to any process, the others to the one that answered: the events of one key stay in one journal,
 * and with that in order.
 */
export const readmitRequestSchema = z.strictObject({
  /** Where the requests are in REJECTED, in the order of receipt. */
  seqs: z.array(z.int().positive()).max(READMIT_CHUNK),
  /** Judges, and admits nothing. */
  isDryRun: z.boolean(),
});

export type ReadmitRequest = z.infer<typeof readmitRequestSchema>;

/**
 * - `admitted`: an event now, with the time of its first receipt
 * - `admissible`: would be admitted; only in a dry run
 * - `duplicate`: this event was accepted already
 * - `refused`: still not verified; `because` is the reason
 * - `unusable`: genuine, and no event: not JSON, no plain id, a handshake
 * - `unreadable`: sealed with a key that this ingest does not have, or changed
 * - `no-source`: the source was removed
 * - `gone`: not in the stream any more
 */
export const READMIT_OUTCOMES = ['admitted', 'admissible', 'duplicate', 'refused', 'unusable', 'unreadable', 'no-source', 'gone'] as const;

const resultSchema = z.object({
  seq: z.int(),
  outcome: z.enum(READMIT_OUTCOMES),
  because: z.string().optional(),
  eventId: z.string().optional(),
});

export type ReadmitResult = z.infer<typeof resultSchema>;

export type ReadmitOutcome = ReadmitResult['outcome'];

/** `session` is the subject of the process that answered. An error means that some of it may have been admitted. */
export const readmitAnswerSchema = z.union([
  z.object({ session: z.string(), results: z.array(resultSchema) }),
  z.object({ session: z.string(), error: z.object({ code: z.string(), message: z.string() }) }),
]);

export type ReadmitAnswer = z.infer<typeof readmitAnswerSchema>;
