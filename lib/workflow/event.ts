import type { Priority } from '../core/priority.ts';
import type { ReplayRequest } from './run-replay.ts';

/** An event of the log, as the workflow engine sees it. */
export interface WorkflowEvent {
  /** Its identity, `Vis-Id`. */
  readonly id: string;
  /** The name of the configured source. */
  readonly source: string;
  /** As the header says it, not as the subject cuts it. */
  readonly type: string;
  readonly key: string;
  readonly priority: Priority;
  /** When it happened, as its provider says; where it does not say, when it was received. RFC 3339. */
  readonly time: string;
  /** RFC 3339. */
  readonly receivedAt: string;
  /** Its address in the log. */
  readonly stream: string;
  readonly seq: number;
  /** W3C trace context; null where the event has none. */
  readonly traceparent: string | null;
  /** Emits between it and the event that came from outside; 0: it came from outside itself. */
  readonly hops: number;
  /** The workflow that a person made it for: it opens a run of that one, whatever its trigger says, and of no other. Null: of all that want it. */
  readonly onlyFor: string | null;
  readonly body: Uint8Array;
  /** It is handled once more, by a replay. (Default: it is not) */
  readonly replay?: ReplayRequest;
}
