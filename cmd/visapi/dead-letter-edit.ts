import { createHash } from 'node:crypto';
import { createTwoFilesPatch } from 'diff';
import { reviveMessage } from '../../lib/actor/dead-letter.ts';
import { InvalidInput } from '../../lib/actor/define-actor.ts';
import { jsonInput } from '../../lib/actor/json-input.ts';
import type { Misfit } from '../../lib/actor/standard-schema.ts';
import type { Emit, Message } from '../../lib/actor/message.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import { readStored } from '../../lib/jetstream/log-reader.ts';
import type { Database } from '../../lib/store/database.ts';
import type { DeadLetterEntry } from '../../lib/store/dead-letters.ts';
import { type EditedCopy, redeliverMessage } from '../../lib/store/redeliver.ts';
import { planRedelivery } from '../../lib/store/redelivery-plan.ts';
import { STEP_TYPES } from '../../lib/workflow/step-type.ts';
import { STREAMS } from '../../streams/subjects.ts';
import { readPayload } from './dead-letter-view.ts';
import { type EditOptions, editPayload } from './edited-payload.ts';
import { CommandError, type Output } from './output.ts';
import { copied } from './redelivery.ts';
import { whoami, withBroker, withPublisher } from './session.ts';
import { loadToolActors } from './user-actors.ts';

/** What came of an edit. */
export interface Edit {
  readonly id: string;
  /** The copy with the new payload, in DEAD_LETTERS; null where nothing was done. */
  readonly copySeq: number | null;
  /** What changed, line by line. */
  readonly changes: string;
  /** Effects that are recorded as done: they are not repeated, whatever the payload says. */
  readonly doneEffects: readonly string[];
}

export interface EditLetterOptions extends EditOptions {
  readonly dryRun: boolean;
  readonly force: boolean;
}

const PUBLISH_WITHIN_MS = 10_000;

/**
 * Lets a dead letter run again with another payload. The original stays where it is; the new one is a copy beside it, which is
 * published first under an id that follows from its content, so that the same command after a crash does the same.
 * @throws CommandError where it may not run again, does not fit its actor's input, or is unchanged
 */
export async function editDeadLetter(
  database: Database,
  letter: DeadLetterEntry,
  options: EditLetterOptions,
  output: Output,
): Promise<Edit> {
  // The person says what is to run: a newer version of its step is not asked.
  const plan = await planRedelivery(database, await copied(database, letter), { asIs: true, force: options.force, isBulk: false });
  if (plan.kind !== 'message')
    throw new CommandError(plan.kind === 'refused' ? plan.because + (plan.needsForce ? ' (--force does it all the same)' : '') : plan.kind);
  const stored = await withBroker((connection) => readStored(connection, STREAMS.deadLetters, plan.copySeq));
  if (stored === undefined) throw new CommandError('the log does not hold its payload any more');
  const payload = readPayload(stored.body);
  if (!('text' in payload)) throw new CommandError('its payload is not text: --data and an editor can only make text of it');
  const edited = await editPayload(payload.text, options);
  if (edited === payload.text) throw new CommandError(`nothing was changed; visapi dead redeliver ${letter.id} lets it run as it is`);
  const copy = { ...stored, body: Buffer.from(edited) };
  const isKnown = await checkInput(letter.actor, copy);
  if (!isKnown) output.note(`what actor ${letter.actor} takes is not known here: it is checked when it runs`);
  const changes = createTwoFilesPatch(letter.id, 'edited', lines(payload.text), lines(edited), '', '', { context: 2 });
  const doneEffects = await readDoneEffects(database, letter);
  if (options.dryRun) return { id: letter.id, copySeq: null, changes, doneEffects };
  const edit = await publishCopy(letter, stored, copy.body);
  if (!(await redeliverMessage(database, { plan, edit, stream: STREAMS.deadLetters, delayMs: 0, who: whoami() })))
    throw new CommandError('somebody else has redelivered it just now');
  return { id: letter.id, copySeq: edit.seq, changes, doneEffects };
}

/**
 * Checks the payload of a workflow's command by the form of its step, and what an actor of a user's own takes by its input.
 * @returns false where neither is known here
 */
async function checkInput(actor: string, message: Message): Promise<boolean> {
  const type = STEP_TYPES[message.headers[HEADERS.ceType] ?? ''];
  if (type === undefined || type.actor !== actor) {
    if (message.headers[HEADERS.contentType] === 'application/json') readOrThrow(() => JSON.parse(Buffer.from(message.body).toString()));
    const own = (await loadToolActors()).find(({ definition }) => definition.name === actor);
    readOrThrow(() => own?.definition.input(reviveMessage(message)));
    return own !== undefined;
  }
  readOrThrow(() => {
    const body: unknown = JSON.parse(Buffer.from(message.body).toString());
    // The workflow adds the step's rule to what the step says.
    const { onUnknown, ...told } = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
    if (onUnknown !== undefined && onUnknown !== 'hold' && onUnknown !== 'repeat')
      throw new InvalidInput('onUnknown: expected hold or repeat');
    const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
    jsonInput(type.with)({ ...message, body: Buffer.from(JSON.stringify(isObject ? told : body)) });
  });
  return true;
}

function readOrThrow(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (error instanceof SyntaxError) throw new CommandError(`the payload is not JSON: ${error.message}`, { cause: error });
    if (!(error instanceof InvalidInput)) throw error;
    const misfits = (error.detail ?? [{ path: '', expected: error.message, got: '' }]) as readonly Misfit[];
    const places = misfits.map(({ path, expected, got }) => `${path === '' ? 'the payload' : path}: ${expected}${got && ` (got ${got})`}`);
    throw new CommandError(`the payload does not fit its actor's input; ${places.join('; ')}`, { cause: error });
  }
}

/** Line by line also where it stands in one: a difference of one word is then one line. */
function lines(text: string): string {
  try {
    return `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
  } catch {
    return `${text}\n`;
  }
}

async function readDoneEffects(database: Database, { actor, messageId }: DeadLetterEntry): Promise<string[]> {
  const query = database.tables.selectFrom('effects').select('id').where('message_id', '=', messageId).where('actor', '=', actor);
  return (await query.where('state', '=', 'done').orderBy('id').execute()).map(({ id }) => id);
}

async function publishCopy(letter: DeadLetterEntry, stored: Message, body: Buffer): Promise<EditedCopy> {
  const [before, after] = [stored.body, body].map((bytes) => createHash('sha256').update(bytes).digest('hex')) as [string, string];
  const { [HEADERS.id]: _id, [HEADERS.key]: _key, [HEADERS.msgId]: _msgId, ...headers } = stored.headers;
  const emit: Emit = { id: `${letter.id}/edit/${after.slice(0, 16)}`, subject: stored.subject, key: stored.key, headers, body };
  const { seq } = await withPublisher((publisher) => publisher.publish(emit, AbortSignal.timeout(PUBLISH_WITHIN_MS)));
  return { seq, before, after };
}
