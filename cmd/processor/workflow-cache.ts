import type { ActorLog } from '../../lib/actor/define-actor.ts';
import type { Clock } from '../../lib/core/clock.ts';
import type { CompiledWorkflow } from '../../lib/workflow/compile.ts';
import { compileWorkflow } from '../../lib/workflow/compile.ts';
import { checkDefinition } from '../../lib/workflow/definition.ts';
import { mistakeText } from '../../lib/workflow/mistake.ts';
import type { RunReader, StoredWorkflow } from '../../lib/workflow/run-reader.ts';

/** How long after `visapi workflows apply` an event may still be judged by the old version. */
const REFRESH_MS = 1_000;
/** A compiled version takes some 100 kB; runs of more versions at once than this compile theirs again. */
const MAX_VERSIONS = 200;

/**
 * The workflows as this process knows them, compiled once per version. A stored version that this program cannot compile (it was
 * saved by a newer one) opens no run; it is logged once, and its events are `unrouted` and can be replayed.
 */
export class WorkflowCache {
  readonly #reader: RunReader;
  readonly #clock: Clock;
  readonly #log: ActorLog;
  readonly #compiled = new Map<string, CompiledWorkflow | undefined>();
  #enabled: { readonly workflows: readonly CompiledWorkflow[]; readonly readAt: number } | undefined;
  #reading: Promise<readonly CompiledWorkflow[]> | undefined;
  /** The read that comes after the one under way; whoever asks until then shares it. */
  #next: Promise<readonly CompiledWorkflow[]> | undefined;

  constructor(reader: RunReader, clock: Clock, log: ActorLog) {
    this.#reader = reader;
    this.#clock = clock;
    this.#log = log;
  }

  /** The enabled version of every workflow, at most a second old. Rejects when the store does not answer. */
  async enabled(): Promise<readonly CompiledWorkflow[]> {
    if (this.#enabled !== undefined && this.#clock.monotonic() - this.#enabled.readAt < REFRESH_MS) return this.#enabled.workflows;
    return this.refresh();
  }

  /** The same, by a read that begins after this call: one that is under way may be older than what was saved since. */
  async refresh(): Promise<readonly CompiledWorkflow[]> {
    this.#next ??= this.#readAfter(this.#reading);
    return await this.#next;
  }

  async #readAfter(running: Promise<unknown> | undefined): Promise<readonly CompiledWorkflow[]> {
    await running?.catch(() => undefined);
    this.#next = undefined;
    this.#reading = this.#read();
    return await this.#reading;
  }

  /** One version; undefined where there is none. Rejects when the store does not answer, or when it cannot be compiled. */
  async version(name: string, version: number): Promise<CompiledWorkflow | undefined> {
    const known = this.#compiled.get(`${name} ${version}`);
    if (known !== undefined) return known;
    const stored = await this.#reader.workflowVersion(name, version);
    if (stored === undefined) return undefined;
    const compiled = this.#compile(stored);
    if (compiled === undefined) throw new Error(`version ${version} of workflow ${name} cannot be compiled by this program`);
    return compiled;
  }

  async #read(): Promise<readonly CompiledWorkflow[]> {
    const readAt = this.#clock.monotonic();
    const stored = await this.#reader.enabledWorkflows();
    const workflows = stored.map((each) => this.#compile(each)).filter((each) => each !== undefined);
    this.#enabled = { workflows, readAt };
    return workflows;
  }

  #compile(stored: StoredWorkflow): CompiledWorkflow | undefined {
    const id = `${stored.name} ${stored.version}`;
    if (this.#compiled.has(id)) return this.#compiled.get(id);
    const checked = checkDefinition(stored.document);
    const result = checked.kind === 'wrong' ? checked : compileWorkflow(checked.value, stored.version);
    if (result.kind === 'wrong')
      this.#log.error(
        { workflow: stored.name, version: stored.version, mistakes: result.mistakes.map(mistakeText) },
        'a stored workflow cannot be compiled',
      );
    const compiled = result.kind === 'right' ? result.value : undefined;
    const [oldest] = this.#compiled.keys();
    if (oldest !== undefined && this.#compiled.size >= MAX_VERSIONS) this.#compiled.delete(oldest);
    this.#compiled.set(id, compiled);
    return compiled;
  }
}
