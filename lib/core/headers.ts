/**
 * Header names on the log's messages. `Vis-*` is ours; `ce-*` are CloudEvents 1.0 attributes in binary mode (NATS protocol
 * binding), as received or mapped from the provider, never changed by us.
 */
export const HEADERS = {
  /** Identity: survives every door, retry, redelivery, replay and restore. Stream sequences are addresses, never identities. */
  id: 'Vis-Id',
  /** The event's key (a customer, an order, a repository): what is handled one at a time and in order. */
  key: 'Vis-Key',
  /** First time of receipt, RFC 3339 in UTC with milliseconds. */
  received: 'Vis-Received',
  /** Where ingest accepted it: `<journal id>:<number>`. It finds the event in the log again; missing where there is no journal. */
  journal: 'Vis-Journal',
  /** On commands and results: the event that the run is about. */
  event: 'Vis-Event',
  /** On commands and results: the run. */
  run: 'Vis-Run',
  /** On commands and results: the step's path inside the run. */
  step: 'Vis-Step',
  /** On an event that a workflow has emitted: emits between it and the event that came from outside. Absent means 0. */
  hops: 'Vis-Hops',
  /** On an event that a person made for one workflow: its name. */
  workflow: 'Vis-Workflow',
  /** Redeliveries so far; absent means 0. */
  round: 'Vis-Round',
  /** Version of the message's form; a reader that does not know it must not guess. */
  schema: 'Vis-Schema',
  /** On a command of a replay: where its effect goes instead of to its recipient; a list, and its actor takes what fits it. */
  divert: 'Vis-Divert',
  /** On the copy of a dead letter: what it was. */
  deadMessage: 'Vis-Dead-Message',
  deadActor: 'Vis-Dead-Actor',
  deadReason: 'Vis-Dead-Reason',
  deadSubject: 'Vis-Dead-Subject',
  deadStream: 'Vis-Dead-Stream',
  deadSeq: 'Vis-Dead-Seq',
  /** On a rejected request: the order within a millisecond, and everything but its body, sealed. */
  rejectedNumber: 'Vis-Rejected-Number',
  rejectedRequest: 'Vis-Rejected-Request',
  traceparent: 'traceparent',
  contentType: 'datacontenttype',
  ceId: 'ce-id',
  ceSource: 'ce-source',
  ceType: 'ce-type',
  ceSubject: 'ce-subject',
  ceTime: 'ce-time',
  ceSpecVersion: 'ce-specversion',
  /** The broker's duplicate window looks at this one. */
  msgId: 'Nats-Msg-Id',
} as const;

/** The form of the messages that this version writes and reads. */
export const SCHEMA_VERSION = '1';
