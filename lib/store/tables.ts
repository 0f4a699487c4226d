import type { ColumnType, Generated } from 'kysely';

/** JSON comes back parsed; it is written as text that `toJson` has cleaned. */
type Json<Read = unknown> = ColumnType<Read, string, string>;
type Time = ColumnType<Date, string, string>;
type NullableTime = ColumnType<Date | null, string | null, string | null>;
/** Written by the database's own clock. */
type OwnTime = ColumnType<Date, never, string>;

/** The tables as Kysely sees them; what they are for stands in the migrations. */
export interface StoreTables {
  units: { actor: string; partition: number; owner: string | null; epoch: number; lease_until: NullableTime; acquired_at: OwnTime };
  lanes: {
    actor: string;
    partition: number;
    stream: string;
    priority: string;
    floor: number;
    highest: number;
    open: number[];
    settled_at: OwnTime;
    consumer_created: string | null;
  };
  parked: ParkedTable;
  suspects: { actor: string; partition: number; stream: string; seq: number; starts: number; quarantined: boolean };
  effects: EffectsTable;
  outbox: OutboxTable;
  dead_letters: DeadLettersTable;
  events: EventsTable;
  outcomes: { message_id: string; actor: string; outcome: string; reason: string; at: Time };
  workflow_versions: { name: string; version: number; document: Json; digest: string; created_at: OwnTime };
  workflows: { name: string; enabled_version: number | null };
  runs: RunsTable;
  steps: StepsTable;
  replays: ReplaysTable;
  replay_lanes: ReplayLanesTable;
  actor_states: ActorStatesTable;
  audit_log: { id: Generated<number>; at: OwnTime; who: string; action: string; target: string; detail: Json };
}

export interface ParkedTable {
  actor: string;
  partition: number;
  stream: string;
  seq: number;
  priority: string;
  key: string;
  message_id: string;
  attempts: number;
  due_at: NullableTime;
  because: string;
  history: Json;
  adopted: boolean;
  taken_epoch: number | null;
  taken_token: string | null;
  dead_letter_id: string | null;
  parked_at: OwnTime;
  replay: ColumnType<string, string | undefined, string>;
}

export interface ReplaysTable {
  id: string;
  actor: string;
  kind: 'in-place' | 'slice';
  status: ColumnType<'running' | 'paused' | 'done' | 'aborted', undefined, 'running' | 'paused' | 'done' | 'aborted'>;
  who: string;
  stream: string;
  asked: Json;
  repeat_actors: string[];
  divert_to: string[];
  rate: number | null;
  tokens: ColumnType<number, undefined, number>;
  filled_at: OwnTime;
  total: number | null;
  created_at: OwnTime;
  status_at: OwnTime;
}

export interface ReplayLanesTable {
  replay: string;
  actor: string;
  partition: number;
  stream: string;
  priority: string;
  filters: string[];
  key: string | null;
  types: string[];
  from_seq: number;
  until_seq: number | null;
  floor: number;
  highest: ColumnType<number | null, undefined, number>;
  open: ColumnType<number[], undefined, number[]>;
  handled: ColumnType<number, undefined, number>;
  skipped: ColumnType<number, undefined, number>;
  ended_at: NullableTime;
}

export interface ActorStatesTable {
  actor: string;
  event_key: string;
  key: string;
  version: number;
  state: Json;
  message_id: string;
  stream: string;
  seq: number;
  updated_at: OwnTime;
}

export interface EffectsTable {
  id: string;
  actor: string;
  partition: number;
  message_id: string;
  name: string;
  state: 'claimed' | 'done' | 'failed' | 'unknown' | 'held';
  epoch: number;
  repeats: number;
  token: string;
  on_unknown: 'hold' | 'repeat';
  stream: string;
  seq: number;
  priority: string;
  key: string;
  result: Json;
  claimed_at: OwnTime;
  ended_at: NullableTime;
}

export interface OutboxTable {
  position: Generated<number>;
  actor: string;
  partition: number;
  id: string;
  subject: string;
  key: string;
  headers: Json<Record<string, string>>;
  body: Buffer | null;
  copy_stream: string | null;
  copy_seq: number | null;
  created_at: OwnTime;
}

export interface DeadLettersTable {
  id: string;
  actor: string;
  partition: number;
  message_id: string;
  round: number;
  event_key: string;
  key: string;
  priority: string;
  reason: string;
  because: string;
  detail: Json;
  history: Json;
  stream: string;
  seq: number;
  run: string | null;
  step: string | null;
  at: Time;
  copy_seq: number | null;
  status: 'open' | 'redelivered' | 'resolved' | 'discarded';
  status_at: OwnTime;
  status_because: string | null;
  /** Both follow from the reason and what it says. */
  pattern: ColumnType<string, never, never>;
  fingerprint: ColumnType<string, never, never>;
}

export interface EventsTable {
  id: string;
  stream: string;
  seq: number;
  source: string;
  type: string;
  key: string;
  priority: string;
  received_at: Time;
  size: number;
  fate: string;
  recorded_at: OwnTime;
}

export interface RunsTable {
  id: string;
  workflow: string;
  version: number;
  event_id: string;
  event_stream: string;
  event_seq: number;
  key: string;
  priority: string;
  status: 'running' | 'done' | 'failed' | 'cancelled';
  started_at: Time;
  ended_at: NullableTime;
  error: Json;
  replay: Json;
}

export interface StepsTable {
  run: string;
  path: string;
  position: number;
  type: string;
  status: 'waiting' | 'done' | 'failed' | 'skipped' | 'cancelled';
  command_id: string | null;
  generation: string;
  version: number;
  reason: string | null;
  output: Json;
  error: Json;
  dead_letter_id: string | null;
  started_at: Time;
  due_at: NullableTime;
  ended_at: NullableTime;
}
