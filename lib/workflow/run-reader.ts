import type { WorkflowEvent } from './event.ts';
import type { RunState } from './turn.ts';

/**
 * What the workflow actor reads from the store before a turn. Every method may be called concurrently, and calls that come
 * together may be answered by one query; a throw means that the turn is tried again.
 */
export interface RunReader {
  /** The enabled version of every workflow. */
  enabledWorkflows(): Promise<readonly StoredWorkflow[]>;
  /** One version, enabled or not; undefined where there is none. */
  workflowVersion(name: string, version: number): Promise<StoredWorkflow | undefined>;
  /** The ids of the runs that an event has opened. */
  runsOfEvent(eventId: string): Promise<ReadonlySet<string>>;
  /** A run with the steps that it has reached, in order of their position. */
  run(runId: string): Promise<RunState | undefined>;
  /** The event that a run keeps because it may go on when the log has forgotten it; undefined where it keeps none. */
  keptEvent(runId: string): Promise<WorkflowEvent | undefined>;
}

/** One version of a workflow, as it is stored; never changed. */
export interface StoredWorkflow {
  readonly name: string;
  /** From 1. */
  readonly version: number;
  /** The document as JSON. */
  readonly document: unknown;
}
