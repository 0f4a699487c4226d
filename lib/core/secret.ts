const SHOWN = '[set]';

/**
 * A value that must never be printed. Text, JSON, `util.inspect`, string templates and loggers all show `[set]`; the one
 * way to the value is `reveal()`, which is easy to search for.
 */
export class Secret {
  readonly #value: string;

  /** Throws a `TypeError` for an empty value: an empty secret verifies nothing. */
  constructor(value: string) {
    if (value === '') throw new TypeError('secret: expected a value, got an empty one');
    this.#value = value;
  }

  /** The value itself. Do not store what it returns. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [Symbol.toPrimitive](): string {
    return SHOWN;
  }

  /** What `util.inspect` and `console.log` look for. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return SHOWN;
  }
}
