import { EvaluationFailed } from './evaluation-failed.ts';
import type { RunRow, StepRow } from './row.ts';
import type { WorkflowEmit } from './turn.ts';

/** The source of every event that a workflow emits. */
export const EMIT_SOURCE = 'workflow';

/** An event that led to an event that led to an event ...: more than this is a circle, and no two workflows that we saw came to five. */
export const MAX_HOPS = 10;

/** As long as a key and a type that come from outside may be. */
const MAX_NAME_LENGTH = 200;
/** Of the body: what a webhook may have at most, with room for the headers within the log's limit of 1 MiB. */
export const MAX_EMITTED_BYTES = 900_000;

export interface Emitting {
  readonly row: StepRow;
  readonly run: RunRow;
  readonly at: string;
  /** Emits between the event of this run and the one that came from outside. */
  readonly hops: number;
  /** Where the step's `with` stands. */
  readonly place: string;
}

/** The new event of a step, from its rendered `with`. Throws `EvaluationFailed` where that is no event, or one too many. */
export function emittedEvent(told: Readonly<Record<string, unknown>>, { row, run, at, hops, place }: Emitting): WorkflowEmit {
  const type = nameOf(told['type'], `${place}.type`);
  if (/\s/.test(type)) throw new EvaluationFailed(`${place}.type`, `expected a type without spaces, got ${JSON.stringify(type)}`);
  const key = told['key'] === undefined ? run.key : nameOf(told['key'], `${place}.key`);
  const body = Buffer.from(JSON.stringify(told['data'] ?? {}));
  if (body.byteLength > MAX_EMITTED_BYTES)
    throw new EvaluationFailed(`${place}.data`, `expected at most ${MAX_EMITTED_BYTES} bytes, got ${body.byteLength}`);
  if (hops >= MAX_HOPS)
    throw new EvaluationFailed(
      place,
      `expected at most ${MAX_HOPS} events that led to each other, got one more: do workflows run in a circle?`,
    );
  return { id: row.commandId, workflow: run.workflow, type, key, priority: run.priority, time: at, hops: hops + 1, body };
}

function nameOf(value: unknown, place: string): string {
  const text = String(value);
  // A control character would end a header of the log's protocol.
  // oxlint-disable-next-line no-control-regex
  if (text.length >= 1 && text.length <= MAX_NAME_LENGTH && !/[\u0000-\u001f\u007f]/.test(text)) return text;
  throw new EvaluationFailed(
    place,
    `expected 1 to ${MAX_NAME_LENGTH} characters and no control character, got ${JSON.stringify(text.slice(0, 60))}`,
  );
}
