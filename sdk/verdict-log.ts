import type { ActorLog } from '../lib/actor/define-actor.ts';
import type { TestAttempt } from './actor-test.ts';

/** Reads the attempts of an actor out of the one line that the runtime writes about each. */
export class VerdictLog implements ActorLog {
  readonly attempts: TestAttempt[] = [];

  info(fields: object, text: string): void {
    this.#read(fields, text);
  }

  warn(fields: object, text: string): void {
    this.#read(fields, text);
  }

  error(): void {
    // What the runtime has to say about itself is no verdict.
  }

  #read(fields: object, text: string): void {
    if (text !== 'message') return;
    const { messageId, attempt, verdict, because, reason } = fields as TestAttempt;
    this.attempts.push({
      messageId,
      attempt,
      verdict,
      ...(because === undefined ? {} : { because }),
      ...(reason === undefined ? {} : { reason }),
    });
  }
}
