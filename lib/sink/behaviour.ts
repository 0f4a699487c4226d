import { z } from 'zod';

/** What the sink does instead of answering as Slack does, for the next `times` requests that match. */
export const behaviourSchema = z.strictObject({
  /** (Default: every request matches) */
  match: z
    .strictObject({ kind: z.enum(['slack', 'email']).optional(), channel: z.string().optional(), textIncludes: z.string().optional() })
    .default({}),
  times: z.int().min(1).max(1_000_000).default(1),
  answer: z.strictObject({
    /** Of an e-mail: what is answered to. The recipient is known from `to` on, the text from `data` on. (Default: data) */
    stage: z.enum(['connect', 'auth', 'from', 'to', 'data']).optional(),
    /** Answered instead of Slack's or the mail server's answer, and nothing arrives. */
    status: z.int().min(200).max(599).optional(),
    /** Text is sent as it is, anything else as JSON. */
    body: z.unknown().optional(),
    /** Seconds, an HTTP date, or any nonsense: the header `Retry-After`. Without a status it is a 429. */
    retryAfter: z.union([z.string(), z.number()]).optional(),
    /** Before the answer; alone it delays Slack's own. Milliseconds. */
    delayMs: z.int().min(0).max(600_000).optional(),
    /**
     * `before-read`: reset, nothing arrives. `after-read`: the message arrives, then a reset. `half-answer`: the message
     * arrives, then half of an answer and a reset.
     */
    hangUp: z.enum(['before-read', 'after-read', 'half-answer']).optional(),
  }),
});

export type Behaviour = z.infer<typeof behaviourSchema>;
/** Names each field that does not fit, with what was expected and got, in one line. */
export function behaviourMistakes(error: z.ZodError, told: unknown): string {
  if (told === undefined) return 'expected a JSON object, got something that is no JSON';
  return error.issues.flatMap((issue) => issueLines(issue, told)).join('; ');
}

function issueLines(issue: z.core.$ZodIssue, told: unknown): string[] {
  const place = issue.path.length === 0 ? 'the behaviour' : issue.path.join('.');
  const value = issue.path.reduce<unknown>(
    (inner, part) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, part) : undefined),
    told,
  );
  const got = value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = { '': behaviourSchema, match: behaviourSchema.shape.match.unwrap(), answer: behaviourSchema.shape.answer };
      const at = issue.path.join('.') as keyof typeof known;
      const fields = Object.keys(known[at].shape).join(', ');
      return issue.keys.map((key) => `${[...issue.path, key].join('.')}: expected one of ${fields}, got a field that is not known`);
    }
    case 'invalid_value':
      return [`${place}: expected one of ${issue.values.join(', ')}, got ${got}`];
    case 'too_small':
      return [`${place}: expected at least ${issue.minimum}, got ${got}`];
    case 'too_big':
      return [`${place}: expected at most ${issue.maximum}, got ${got}`];
    case 'invalid_union':
      return [`${place}: expected text or a number, got ${got}`];
    case 'invalid_type':
      return [`${place}: expected ${issue.expected}, got ${got}`];
    default:
      return [`${place}: ${issue.message}, got ${got}`];
  }
}

export type BehaviourAnswer = Behaviour['answer'];

/** What is known of a request. Before its body is read, `text` is not; `channel` may not be. */
export interface Matchable {
  /** The names by which the channel may be called. */
  readonly channel: readonly string[] | undefined;
  readonly text: string | undefined;
  /** What an e-mail has come to; undefined for a message to Slack. */
  readonly stage?: NonNullable<BehaviourAnswer['stage']> | undefined;
}

/** The behaviours that are waiting for requests: the first that matches is taken. */
export class BehaviourQueue {
  #waiting: { readonly behaviour: Behaviour; remaining: number }[] = [];

  add(behaviour: Behaviour): void {
    this.#waiting.push({ behaviour, remaining: behaviour.times });
  }

  list(): (Behaviour & { remaining: number })[] {
    return this.#waiting.map(({ behaviour, remaining }) => ({ ...behaviour, remaining }));
  }

  clear(): void {
    this.#waiting = [];
  }

  /** Takes the behaviour of a request whose body is known. */
  take(request: Matchable): BehaviourAnswer | undefined {
    const found = this.#waiting.find(({ behaviour }) => matches(behaviour, request) === 'yes');
    return found === undefined ? undefined : this.#use(found);
  }

  /** Takes a `before-read` hang-up whose match does not depend on the body that has not been read. */
  takeBeforeRead(request: Matchable): BehaviourAnswer | undefined {
    const found = this.#waiting.find(({ behaviour }) => matches(behaviour, request) !== 'no');
    if (found === undefined || found.behaviour.answer.hangUp !== 'before-read') return undefined;
    return matches(found.behaviour, request) === 'yes' ? this.#use(found) : undefined;
  }

  #use(entry: { readonly behaviour: Behaviour; remaining: number }): BehaviourAnswer {
    entry.remaining--;
    if (entry.remaining === 0) this.#waiting = this.#waiting.filter((other) => other !== entry);
    return entry.behaviour.answer;
  }
}

function matches({ match, answer }: Behaviour, { channel, text, stage }: Matchable): 'yes' | 'no' | 'unknown' {
  if (match.kind !== undefined && match.kind !== (stage === undefined ? 'slack' : 'email')) return 'no';
  if (stage === undefined ? answer.stage !== undefined : (answer.stage ?? 'data') !== stage) return 'no';
  if (match.channel !== undefined && channel !== undefined && !channel.includes(match.channel)) return 'no';
  if (match.textIncludes !== undefined && text !== undefined && !text.includes(match.textIncludes)) return 'no';
  const isKnown = (match.channel === undefined || channel !== undefined) && (match.textIncludes === undefined || text !== undefined);
  return isKnown ? 'yes' : 'unknown';
}
