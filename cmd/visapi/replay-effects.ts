import type { Message } from '../../lib/actor/message.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import type { Database } from '../../lib/store/database.ts';
import { readRuns } from '../../lib/store/run-reader.ts';
import { enabledWorkflows } from '../../lib/store/workflows.ts';
import { type CompiledWorkflow, compileWorkflow } from '../../lib/workflow/compile.ts';
import { checkDefinition } from '../../lib/workflow/definition.ts';
import type { WorkflowEvent } from '../../lib/workflow/event.ts';
import { eventTurn } from '../../lib/workflow/event-turn.ts';
import type { RunState } from '../../lib/workflow/turn.ts';
import { WORKFLOW_LANES } from '../../streams/actors.ts';
import { parseSubject } from '../../streams/subjects.ts';
import type { ReplayRequest } from './replay-request.ts';

/** What a replay would do to the outside through one actor. */
export interface EffectCount {
  readonly actor: string;
  /** Would run, for the first time or repeated on purpose. Of a run only its first step is known beforehand. */
  readonly run: number;
  /** Done already, and would be skipped. */
  readonly done: number;
}

/** Counts, message by message, what would run; nothing runs. */
export class EffectForecast {
  readonly #database: Database;
  readonly #request: ReplayRequest;
  readonly #counts = new Map<string, { run: number; done: number }>();
  #workflows: Promise<readonly CompiledWorkflow[]> | undefined;

  constructor(database: Database, request: ReplayRequest) {
    this.#database = database;
    this.#request = request;
  }

  get counts(): EffectCount[] {
    return [...this.#counts].map(([actor, counts]) => ({ actor, ...counts })).sort((a, b) => a.actor.localeCompare(b.actor));
  }

  async add(messages: readonly Message[]): Promise<void> {
    if (this.#request.actor === WORKFLOW_LANES.name) await this.#addEvents(messages);
    else await this.#addMessages(messages);
  }

  /** Of an actor that acts itself: its own effects. */
  async #addMessages(messages: readonly Message[]): Promise<void> {
    const { actor, repeat } = this.#request;
    const done = await this.#doneMessages(
      messages.map(({ id }) => id),
      actor,
    );
    for (const { id } of messages) this.#count(actor, done.has(id) && !repeat.includes(actor));
  }

  /** Of the workflow actor: what its runs have done, and what it would ask for. */
  async #addEvents(messages: readonly Message[]): Promise<void> {
    const events = messages.filter(({ subject }) => parseSubject(subject)?.kind === 'event');
    const ids = events.map(({ id }) => id);
    const text = 'select id, event_id from runs where event_id = any ($1::text[])';
    const rows = await this.#database.query<{ id: string; event_id: string }>({ text, values: [ids] });
    const states = await readRuns(
      this.#database,
      rows.map(({ id }) => id),
    );
    const workflows = await (this.#workflows ??= this.#compile());
    const replay = { id: 'dry-run', repeat: this.#request.repeat, divertTo: this.#request.divertTo };
    for (const message of events) {
      const own = rows.filter(({ event_id: event }) => event === message.id).map(({ id }) => states.get(id));
      const runs = own.filter((state) => state !== undefined);
      const existing = new Set(runs.map(({ run }) => run.id));
      const at = new Date().toISOString();
      const turn = eventTurn({ event: { ...eventOf(message), replay }, workflows, existing, states: runs, at });
      if (turn.kind === 'recorded') for (const { actor } of turn.commands) this.#count(actor, false);
      this.#countDone(runs, workflows);
    }
  }

  #countDone(runs: readonly RunState[], workflows: readonly CompiledWorkflow[]): void {
    for (const { run, steps } of runs) {
      const compiled = workflows.find(({ name }) => name === run.workflow);
      for (const { path, status } of steps) {
        const work = compiled?.steps.find((step) => step.path === path)?.work;
        if (work?.kind === 'command' && status === 'done' && !this.#request.repeat.includes(work.actor)) this.#count(work.actor, true);
      }
    }
  }

  async #doneMessages(ids: readonly string[], actor: string): Promise<Set<string>> {
    const text = `select distinct message_id from effects where message_id = any ($1::text[]) and actor = $2 and state = 'done'`;
    const rows = await this.#database.query<{ message_id: string }>({ text, values: [ids, actor] });
    return new Set(rows.map(({ message_id: id }) => id));
  }

  async #compile(): Promise<CompiledWorkflow[]> {
    const stored = await enabledWorkflows(this.#database);
    return stored.flatMap(({ document, version }) => {
      const checked = checkDefinition(document);
      const compiled = checked.kind === 'right' ? compileWorkflow(checked.value, version) : checked;
      return compiled.kind === 'right' ? [compiled.value] : [];
    });
  }

  #count(actor: string, isDone: boolean): void {
    const { run, done } = this.#counts.get(actor) ?? { run: 0, done: 0 };
    this.#counts.set(actor, isDone ? { run, done: done + 1 } : { run: run + 1, done });
  }
}

function eventOf(message: Message): WorkflowEvent {
  const { id, key, priority, stream, seq, headers, body, storedAt } = message;
  const parsed = parseSubject(message.subject);
  const [source, type] = parsed?.kind === 'event' ? [parsed.source, parsed.type] : ['', ''];
  const receivedAt = headers[HEADERS.received] ?? new Date(storedAt).toISOString();
  return {
    id,
    key,
    priority,
    stream,
    seq,
    body,
    source,
    receivedAt,
    type: headers[HEADERS.ceType] ?? type,
    time: headers[HEADERS.ceTime] ?? receivedAt,
    traceparent: headers[HEADERS.traceparent] ?? null,
    hops: Number(headers[HEADERS.hops] ?? 0),
    onlyFor: headers[HEADERS.workflow] ?? null,
  };
}
