/**
 * Who may run in this process. Usually everybody; a message that is suspected of killing its process runs alone, from
 * before its start until it is settled, so that no neighbour dies with it or pays for it.
 */
export class Quarantine {
  readonly #onOpen: () => void;
  readonly #queue: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];
  readonly #held: (() => void)[] = [];
  #active = 0;
  #isAlone = false;

  /** `onOpen` is called whenever ordinary work may start again. */
  constructor(onOpen: () => void) {
    this.#onOpen = onOpen;
  }

  /** Whether ordinary work may start. */
  get isOpen(): boolean {
    return !this.#isAlone && this.#queue.length === 0;
  }

  /** Resolves at once, unless something runs alone or is about to. */
  async enter(): Promise<void> {
    while (!this.isOpen) await new Promise<void>((resolve) => this.#held.push(resolve));
    this.#active++;
  }

  leave(): void {
    this.#active--;
    this.#advance();
  }

  /** Resolves when nothing is active. */
  async idle(): Promise<void> {
    while (this.#active > 0 || this.#isAlone) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Resolves when nothing else is active; nothing starts until `leaveAlone`. */
  async enterAlone(): Promise<void> {
    const turn = new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#advance();
    await turn;
  }

  leaveAlone(): void {
    this.#isAlone = false;
    this.#advance();
    if (!this.isOpen) return;
    for (const release of this.#held.splice(0)) release();
    this.#onOpen();
  }

  #advance(): void {
    if (this.#isAlone || this.#active > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
    const next = this.#queue.shift();
    if (next === undefined) return;
    this.#isAlone = true;
    next();
  }
}
