import type { Clock } from '../core/clock.ts';
import type { AttemptOutcome } from './attempt.ts';
import type { ActorLog } from './define-actor.ts';
import { HEADERS } from '../core/headers.ts';
import { type DoneLine, traceIdOf } from '../telemetry/canonical-line.ts';
import type { Job } from './job.ts';
import type { Message } from './message.ts';
import type { ActorObserver } from './observer.ts';

/** The runtime's log; what writes the line of a finished message cheaper than `info` may do so. */
export interface RuntimeLog extends ActorLog {
  done?(line: DoneLine): void;
}

export interface ReportEnvironment {
  readonly observer: ActorObserver;
  readonly clock: Clock;
  readonly log: RuntimeLog;
}

/** Measures one attempt and writes its canonical line. `begun` is monotonic. */
export function reportAttempt(
  job: Job,
  { verdict, effects, stateUse }: AttemptOutcome,
  begun: number,
  { observer, clock, log }: ReportEnvironment,
): void {
  const { message, attempt } = job;
  const actor = job.unit.definition.name;
  const ms = clock.monotonic() - begun;
  const queueMs = attempt === 1 ? Math.max(0, Math.round(clock.now() - ms - message.storedAt)) : undefined;
  observer.handled(actor, message.priority, verdict.kind, ms, queueMs);
  for (const effect of effects) observer.effect(actor, effect.state);
  if (stateUse !== undefined) observer.stateUsed(actor, stateUse);
  if (verdict.kind === 'reject') observer.deadLettered(actor, verdict.reason);
  const rounded = Math.round(ms * 10) / 10;
  if (verdict.kind === 'done' && log.done !== undefined) {
    const { id: messageId, stream, seq } = message;
    const { eventId, run, step, traceId } = correlation(message);
    log.done({ actor, messageId, eventId, run, step, traceId, stream, seq, attempt, queueMs, ms: rounded });
    return;
  }
  const fields = {
    actor,
    messageId: message.id,
    ...given(correlation(message)),
    stream: message.stream,
    seq: message.seq,
    attempt,
    verdict: verdict.kind,
    ...(verdict.kind === 'reject' ? { reason: verdict.reason } : {}),
    ...('because' in verdict ? { because: verdict.because } : {}),
    ...(queueMs === undefined ? {} : { queueMs }),
    ms: rounded,
  };
  if (verdict.kind === 'done') log.info(fields, 'message');
  else log.warn(fields, 'message');
}

/** What ties a line to the lines of the same event in other programs: a message that is of no run is an event itself. */
function correlation({ id, headers }: Message): Pick<DoneLine, 'eventId' | 'run' | 'step' | 'traceId'> {
  const { [HEADERS.event]: event, [HEADERS.run]: run, [HEADERS.step]: step, [HEADERS.traceparent]: traceparent } = headers;
  return { eventId: event ?? (run === undefined ? id : undefined), run, step, traceId: traceIdOf(traceparent) };
}

function given(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
