import { InvalidInput } from './define-actor.ts';
import type { Message } from './message.ts';
import { fitSchema, type Misfit, type StandardSchema } from './standard-schema.ts';

/**
 * Makes the input of an actor out of its messages' bodies: UTF-8, JSON, and what the schema makes of it.
 *
 * The function that it gives back throws `InvalidInput` with every place that does not fit, and a `TypeError` where the
 * schema is asynchronous: a message's input decides its mailbox, so it cannot be waited for.
 */
export function jsonInput<Output>(schema: StandardSchema<Output>): (message: Message) => Output {
  return ({ body }) => {
    const fitting = fitSchema('jsonInput', schema, parseJson(body));
    if ('value' in fitting) return fitting.value;
    const [{ path, expected } = { path: '', expected: 'a body that fits' }] = fitting.misfits;
    throw new InvalidInput(`${path === '' ? 'body' : path}: ${expected}`, fitting.misfits);
  };
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    const got = error instanceof SyntaxError ? 'other text' : 'bytes that are not UTF-8';
    throw new InvalidInput(`body: expected JSON, got ${got}`, [{ path: '', expected: 'JSON', got }] satisfies Misfit[]);
  }
}
