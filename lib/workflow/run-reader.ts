import type { CompiledWorkflow } from './compile.ts';
import type { RunState } from './turn.ts';

/** What the workflow actor reads before a turn. Every method may be called concurrently; a throw means that the turn is tried again. */
export interface RunReader {
  /** The enabled version of every workflow. May be some seconds old. */
  workflows(): Promise<readonly CompiledWorkflow[]>;
  /** One version, enabled or not; undefined where there is none. */
  version(name: string, version: number): Promise<CompiledWorkflow | undefined>;
  /** The ids of the runs that an event has opened. */
  runsOfEvent(eventId: string): Promise<ReadonlySet<string>>;
  run(runId: string): Promise<RunState | undefined>;
  /** The body of an event; undefined where the log does not have it any more. */
  eventBody(stream: string, seq: number): Promise<Uint8Array | undefined>;
}
