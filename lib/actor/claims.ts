import type { Clock } from '../core/clock.ts';
import type { ClaimRequest } from './attempt.ts';
import { GroupCommit } from './group-commit.ts';
import type { Message } from './message.ts';
import type { ClaimAnswer, EffectClaim, RecordPort, UnitLease } from './record-port.ts';

/** The grouped claims of a process: one transaction for all that were asked for meanwhile. */
export interface ClaimsOptions {
  readonly record: RecordPort;
  readonly clock: Clock;
  /** Tells the claims of this life of the process from those of any other. */
  readonly nonce: string;
  /** See `RuntimeTiming.claimPaceMs`. (Default: 0) */
  readonly paceMs?: number;
}

interface Waiting {
  readonly claim: EffectClaim;
  readonly signal: AbortSignal;
  readonly resolve: (answer: ClaimAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** How long to wait before claims are tried again while the store is away; the attempt's own deadline bounds it. */
const RETRY_MS = 100;

export class Claims {
  readonly #options: ClaimsOptions;
  readonly #group: GroupCommit<Waiting>;
  #count = 0;

  constructor(options: ClaimsOptions) {
    this.#options = options;
    this.#group = new GroupCommit((waiting) => this.#claim(waiting), options);
  }

  /** Rejects when the request's signal aborts before the claim is sent; once sent, its answer is waited for: it may be granted. */
  claim(unit: UnitLease, message: Message, key: string, request: ClaimRequest): Promise<ClaimAnswer> {
    const { id, name, onUnknown, signal } = request;
    const { stream, seq, priority } = message;
    const token = `${this.#options.nonce}:${this.#count++}`;
    const claim: EffectClaim = { unit, id, messageId: message.id, stream, seq, priority, key, name, token, onUnknown };
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      this.#group.add({ claim, signal, resolve, reject });
    });
  }

  async #claim(waiting: readonly Waiting[]): Promise<void> {
    const { record, clock } = this.#options;
    for (;;) {
      for (const { signal, reject } of waiting) if (signal.aborted) reject(signal.reason as Error);
      const wanted = waiting.filter(({ signal }) => !signal.aborted);
      if (wanted.length === 0) return;
      try {
        const answers = await record.claim(wanted.map(({ claim }) => claim));
        wanted.forEach(({ resolve }, index) => resolve(answers[index]!));
        return;
      } catch (error) {
        if (!record.isTransient(error)) {
          for (const { reject } of wanted) reject(error);
          return;
        }
        await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve));
      }
    }
  }
}
