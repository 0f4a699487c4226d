import type { RecordPort } from './record-port.ts';
import type { ReplayTrack } from './replay-track.ts';
import type { UnitReplays } from './unit-replays.ts';

/**
 * Lets the messages of replays with a rate go. The store grants them, so that all processes together keep the rate of a replay whose
 * units they share.
 */
export class ReplayPacer {
  readonly #record: Pick<RecordPort, 'grantReplay'>;

  constructor(record: Pick<RecordPort, 'grantReplay'>) {
    this.#record = record;
  }

  /** Asks for what is held, and lets go what is granted, in turn over the parts. To be called again and again. */
  async pace(units: readonly UnitReplays[]): Promise<void> {
    const byReplay = new Map<string, { replays: UnitReplays; track: ReplayTrack }[]>();
    for (const replays of units)
      for (const track of replays.tracks)
        if (track.part.rate !== null && track.ready > 0)
          byReplay.set(track.replay, [...(byReplay.get(track.replay) ?? []), { replays, track }]);
    for (const [replay, parts] of byReplay) {
      const granted = await this.#record.grantReplay(
        replay,
        parts.reduce((sum, { track }) => sum + track.ready, 0),
      );
      share(granted, parts);
    }
  }
}

function share(granted: number, parts: readonly { replays: UnitReplays; track: ReplayTrack }[]): void {
  let open = parts;
  for (let left = granted; left > 0 && open.length > 0;) {
    const each = Math.max(1, Math.floor(left / open.length));
    for (const { replays, track } of open) left -= replays.release(track, Math.min(each, left));
    open = open.filter(({ track }) => track.ready > 0);
  }
}
