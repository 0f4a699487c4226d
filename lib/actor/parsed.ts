import { type ActorDefinition, InvalidInput } from './define-actor.ts';
import type { Message } from './message.ts';

/** What an actor makes of a message: its input and its mailbox, or why it has none. */
export type Parsed = { readonly key: string } & ({ readonly input: unknown } | { readonly invalid: string; readonly detail: unknown });

/** Never throws: whatever is wrong with a message must not stop its neighbours. */
export function parseInput(definition: ActorDefinition, message: Message): Parsed {
  try {
    const input = definition.input(message);
    return { input, key: mailboxKey(definition, input, message) };
  } catch (error) {
    const invalid = error instanceof Error ? error.message : String(error);
    return { invalid, detail: error instanceof InvalidInput ? error.detail : null, key: message.key };
  }
}

function mailboxKey(definition: ActorDefinition, input: unknown, message: Message): string {
  if (definition.order === 'none') return message.id;
  const key = definition.key?.(input, message) ?? message.key;
  return typeof key === 'string' ? key : JSON.stringify(key);
}
