/**
 * What `import ... from 'visapi'` offers: everything that an actor of one's own needs, and nothing else. This file is the package's
 * address, the one place where names are gathered; docs/actors.md is its guide.
 */
export { MAX_STATE_BYTES } from '../lib/actor/actor-state.ts';
export type { StateDefinition } from '../lib/actor/actor-state.ts';
export { defineActor, EffectFailed, InvalidInput } from '../lib/actor/define-actor.ts';
export type { ActorContext, ActorDefinition, Death, EffectRun } from '../lib/actor/define-actor.ts';
export { jsonInput } from '../lib/actor/json-input.ts';
export type { StandardSchema } from '../lib/actor/standard-schema.ts';
export type { Emit, Message } from '../lib/actor/message.ts';
export { exponential } from '../lib/actor/retry-policy.ts';
export type { RetryPolicy } from '../lib/actor/retry-policy.ts';
export { done, park, reject, retry } from '../lib/actor/verdict.ts';
export type { RejectReason, Verdict } from '../lib/actor/verdict.ts';
export type { Priority } from '../lib/core/priority.ts';
export { ACTOR_SOURCE, emitEvent } from './emit-event.ts';
export type { NewEvent } from './emit-event.ts';
export { eventOf } from './user-event.ts';
export type { UserEvent } from './user-event.ts';
