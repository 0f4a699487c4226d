/** What `import ... from 'visapi/testing'` offers: an actor in memory under a clock of the test's own, and the suite that every actor has to pass. */
export { openActorTest } from './actor-test.ts';
export type { ActorTest, ActorTestOptions, TestAttempt, TestEffect, TestEmit, TestEvent } from './actor-test.ts';
export { describeActor } from './describe-actor.ts';
