import type { WorkflowEvent } from './event.ts';

/** What templates and conditions see. Plain JSON values only. */
export interface Scope {
  readonly event: EventScope;
  /** The steps that have ended, by id. */
  readonly steps: Readonly<Record<string, StepScope>>;
}

export interface EventScope {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly key: string;
  /** RFC 3339. */
  readonly time: string;
  /** The body, parsed as JSON; null where there is none, as CloudEvents allows. */
  readonly data: unknown;
}

export interface StepScope {
  readonly status: 'done' | 'skipped';
  /** JSON; null where it was skipped. */
  readonly output: unknown;
}

/** The words after `event.`, for messages about mistakes. */
export const EVENT_FIELDS = ['id', 'source', 'type', 'key', 'time', 'data'] as const satisfies readonly (keyof EventScope)[];

/** The words after `steps.<id>.`. */
export const STEP_FIELDS = ['status', 'output'] as const satisfies readonly (keyof StepScope)[];

/** Throws a `SyntaxError` when the body is not JSON, a `TypeError` when it is not UTF-8 (RFC 8259, 8.1). */
export function eventScope(event: WorkflowEvent): EventScope {
  const data: unknown = event.body.length === 0 ? null : JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(event.body));
  return { id: event.id, source: event.source, type: event.type, key: event.key, time: event.time, data };
}
