export interface JsonPlace {
  /** JSON Pointer (RFC 6901); '' is the document. */
  readonly pointer: string;
  /** Bytes from the beginning. */
  readonly offset: number;
}

/** What makes bytes no JSON, and where. The message quotes nothing of them. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault';
  readonly code: 'invalid_json' | 'too_deep';
  readonly place: JsonPlace;

  constructor(code: JsonFault['code'], because: string, place: JsonPlace) {
    super(because);
    this.code = code;
    this.place = place;
  }
}
