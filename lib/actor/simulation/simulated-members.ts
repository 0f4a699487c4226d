import type { Clock } from '../../core/clock.ts';
import type { Member, Survey } from '../record-port.ts';

/** Who shares units, in memory. */
export class SimulatedMembers {
  readonly #clock: Clock;
  readonly #members = new Map<string, Member & { readonly until: number; readonly joinedAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  see(member: Member, leaseMs: number): void {
    const now = this.#clock.monotonic();
    const known = this.#members.get(member.name);
    const isSame = known?.nonce === member.nonce && known.until > now;
    this.#members.set(member.name, { ...member, until: now + leaseMs, joinedAt: isSame ? known.joinedAt : now });
  }

  remove({ name, nonce }: Member): void {
    if (this.#members.get(name)?.nonce === nonce) this.#members.delete(name);
  }

  living(): Survey['members'] {
    const now = this.#clock.monotonic();
    return [...this.#members.values()]
      .filter(({ until }) => until > now)
      .map(({ name, actors, joinedAt }) => ({ name, actors, ageMs: now - joinedAt }));
  }
}
