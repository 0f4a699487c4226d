import type { Death } from '../lib/actor/define-actor.ts';
import type { Emit, Message } from '../lib/actor/message.ts';
import { HEADERS, SCHEMA_VERSION } from '../lib/core/headers.ts';
import { failureId, resultId } from '../lib/core/identity.ts';
import { slotOf } from '../lib/core/slot.ts';
import { WORKFLOW_LANES } from './actors.ts';
import { commandSubject } from './subjects.ts';

/** Tells the run that its step is done; nothing where the command is of no run. */
export function stepSucceeded(command: Message, output: unknown): Emit[] {
  return toRun(command, resultId(command.id), 'step.succeeded', { command: command.id, output });
}

/** Tells the run that its command became a dead letter; nothing where the command is of no run. */
export function stepFailed(command: Message, death: Death): Emit[] {
  const { id: deadLetter, reason, because, detail } = death;
  return toRun(command, failureId(command.id, command.round), 'step.failed', { command: command.id, reason, because, detail, deadLetter });
}

/** A result has its command's key, hence its slot, and its priority: it overtakes nothing and is overtaken by nothing. */
function toRun(command: Message, id: string, type: string, body: object): Emit[] {
  const run = command.headers[HEADERS.run];
  const step = command.headers[HEADERS.step];
  if (run === undefined || step === undefined) return [];
  const { [HEADERS.traceparent]: traceparent, [HEADERS.event]: event } = command.headers;
  return [
    {
      id,
      subject: commandSubject({ priority: command.priority, slot: slotOf(command.key), actor: WORKFLOW_LANES.name }),
      key: command.key,
      headers: {
        [HEADERS.run]: run,
        [HEADERS.step]: step,
        [HEADERS.ceType]: type,
        [HEADERS.schema]: SCHEMA_VERSION,
        [HEADERS.contentType]: 'application/json',
        ...(event === undefined ? {} : { [HEADERS.event]: event }),
        ...(traceparent === undefined ? {} : { [HEADERS.traceparent]: traceparent }),
      },
      body: Buffer.from(JSON.stringify(body)),
    },
  ];
}
