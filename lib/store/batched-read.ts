/**
 * Answers single questions by grouped queries: what is asked while a query is under way goes into the next one. No timer is
 * involved, so alone a question costs one query.
 */
export class BatchedRead<Answer> {
  readonly #read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Answer>>;
  #waiting: Question<Answer>[] = [];
  #isReading = false;

  /** `read` gets distinct keys; one that its answer lacks is undefined to whoever asked. */
  constructor(read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Answer>>) {
    this.#read = read;
  }

  /** Rejects with the query's error. */
  ask(key: string): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject });
      if (!this.#isReading) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isReading = true;
    // One tick later, so that what the present tick asks goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const questions = this.#waiting.splice(0, MAX_KEYS);
      try {
        const answers = await this.#read([...new Set(questions.map(({ key }) => key))]);
        for (const { key, resolve } of questions) resolve(answers.get(key));
      } catch (error) {
        for (const { reject } of questions) reject(error);
      }
    }
    this.#isReading = false;
  }
}

interface Question<Answer> {
  readonly key: string;
  readonly resolve: (answer: Answer | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** More in one query would make the first wait for the last. */
const MAX_KEYS = 500;
