import type { LogBed } from '../log-bed.ts';
import type { SlackStandIn } from './slack-stand-in.ts';
import type { WholeSystem } from './whole-system.ts';

/** What the parts of this bench measure on. */
export interface Scene {
  readonly bed: LogBed;
  readonly system: WholeSystem;
  readonly slack: SlackStandIn;
  readonly say: (line: string) => void;
}
