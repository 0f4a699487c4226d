/**
 * A CloudEvents 1.0.2 event as it was sent (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md), whichever
 * mode it came in. Attributes are in their canonical text; data is bytes, and of JSON the very ones that came.
 */
export interface CloudEvent {
  /** All context attributes by name, the required ones and the extensions; without `datacontenttype`. */
  readonly attributes: Readonly<Record<string, string>> & {
    readonly id: string;
    readonly source: string;
    readonly specversion: '1.0';
    readonly type: string;
  };
  /** Of the data; where the sender gave none, what the mode implies. */
  readonly contentType: string;
  /** No bytes where the event has no data. */
  readonly data: Uint8Array;
}

/** One thing that is wrong with an event: what was expected, and where. Never what was got: it may be personal. */
export interface EventMistake {
  readonly place: MistakePlace;
  readonly because: string;
}

/** In the body by JSON Pointer (RFC 6901) from the event, or in a header, by its name in lower case. */
export type MistakePlace = { readonly pointer: string; readonly offset?: number } | { readonly header: string };

export type ReadEvent =
  | { readonly ok: true; readonly event: CloudEvent }
  | { readonly ok: false; readonly mistakes: readonly EventMistake[] };
