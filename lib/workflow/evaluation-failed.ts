/** A template or a condition cannot be compiled or evaluated. */
export class EvaluationFailed extends Error {
  override readonly name = 'EvaluationFailed';
  /** Where in the workflow: `steps[0].with.text`. */
  readonly place: string;
  /** The nearest right word, where there is one that is near. */
  readonly nearest: string | undefined;
  constructor(place: string, message: string, options: { readonly cause?: unknown; readonly nearest?: string | undefined } = {}) {
    super(message, { cause: options.cause });
    this.place = place;
    this.nearest = options.nearest;
  }
}

/** A value that a workflow's text or condition reads, as far as it is known before it runs, and where the reader stands. */
export interface Read {
  /** `['steps', 'first', 'output']` */
  readonly path: readonly string[];
  readonly place: string;
}
