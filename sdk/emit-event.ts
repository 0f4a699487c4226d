import { type ActorContext, InvalidInput } from '../lib/actor/define-actor.ts';
import { HEADERS } from '../lib/core/headers.ts';
import { MAX_EMITTED_BYTES, MAX_HOPS } from '../lib/workflow/emitted-event.ts';
import { eventMessage } from './event-message.ts';

/** The source of every event that an actor emits; `ce-source` has its name. */
export const ACTOR_SOURCE = 'actor';

export interface NewEvent {
  /** What has happened, in the past tense: `order.flagged`. Up to 200 characters without blanks. */
  readonly type: string;
  /** JSON, at most 900,000 bytes. (Default: an empty object) */
  readonly data?: unknown;
  /** What it is about: events of one key stay in order. (Default: the key of the message that is handled) */
  readonly key?: string;
  /** Tells it from other events of its type that the same turn emits. (Default: the type) */
  readonly name?: string;
}

/**
 * Emits an event once this turn is settled: workflows and other actors see it like one from outside. Its id comes from the
 * message, the actor and `name`, so a turn that is tried again emits the same event and no second one.
 *
 * Throws `InvalidInput` where it is no event, or the eleventh that led to each other: then actors and workflows run in a circle.
 */
export function emitEvent(context: ActorContext, { type, data = {}, key, name = type }: NewEvent): void {
  const { message, actor } = context;
  check('type', type, /^\S{1,200}$/);
  check('name', name, /^\S{1,200}$/);
  // A control character would end a header of the log's protocol.
  if (key !== undefined) check('key', key, /^\P{Cc}{1,200}$/u);
  const body = Buffer.from(JSON.stringify(data) ?? 'null');
  if (body.byteLength > MAX_EMITTED_BYTES)
    throw new InvalidInput(`event ${type}: expected at most ${MAX_EMITTED_BYTES} bytes of data, got ${body.byteLength}`);
  const hops = Number(message.headers[HEADERS.hops] ?? 0) + 1;
  if (hops > MAX_HOPS) throw new InvalidInput(`event ${type}: expected at most ${MAX_HOPS} events that led to each other, got one more`);
  context.emit(
    eventMessage({
      id: `${message.id}/${actor}/${name}`,
      source: ACTOR_SOURCE,
      ceSource: `${ACTOR_SOURCE}/${actor}`,
      type,
      key: key ?? message.key,
      priority: message.priority,
      time: new Date().toISOString(),
      hops,
      traceparent: message.headers[HEADERS.traceparent],
      body,
    }),
  );
}

function check(what: string, text: string, form: RegExp): void {
  if (!form.test(text)) throw new InvalidInput(`event ${what}: expected ${form}, got ${JSON.stringify(text.slice(0, 60))}`);
}
