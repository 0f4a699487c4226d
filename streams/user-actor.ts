import type { ActorDefinition } from '../lib/actor/define-actor.ts';
import type { Message } from '../lib/actor/message.ts';
import { done } from '../lib/actor/verdict.ts';
import type { Clock } from '../lib/core/clock.ts';
import { HEADERS } from '../lib/core/headers.ts';
import type { OutcomeRow } from '../lib/workflow/row.ts';
import { parseSubject } from './subjects.ts';

/** The input of an event that is of none of the actor's types. */
const FOREIGN = Symbol('foreign');

/**
 * A user's actor as it is run:
 * 1. Its `types` are held to. A lane's filter sees only what the subject shows of a type, so others may come through it.
 * 2. An event that it is done with has an outcome, so that the event's trace names it.
 */
export function asUserActor(definition: ActorDefinition, clock: Clock): ActorDefinition {
  const { name, types } = definition;
  const isForeign = (message: Message): boolean =>
    types !== undefined && isEvent(message) && !types.includes(message.headers[HEADERS.ceType] ?? '');
  return {
    ...definition,
    input: (message) => (isForeign(message) ? FOREIGN : definition.input(message)),
    key: (input, message) => (input === FOREIGN ? message.key : (definition.key?.(input, message) ?? message.key)),
    async receive(input, context) {
      if (input === FOREIGN) return done();
      const verdict = await definition.receive(input, context);
      const { message } = context;
      if (verdict.kind === 'done' && isEvent(message)) {
        const at = new Date(clock.now()).toISOString();
        context.record({ kind: 'outcome', messageId: message.id, actor: name, outcome: 'handled', reason: '', at } satisfies OutcomeRow);
      }
      return verdict;
    },
  };
}

function isEvent({ subject }: Message): boolean {
  return parseSubject(subject)?.kind === 'event';
}
