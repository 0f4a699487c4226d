import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fc } from '../dev/fast-check.ts';

import type { CompiledWorkflow } from './compile.ts';
import { compileText } from './compile.ts';
import type { WorkflowEvent } from './event.ts';
import { eventTurn } from './event-turn.ts';
import type { StepResult } from './result-turn.ts';
import { resultTurn } from './result-turn.ts';
import type { StepRetry } from './retry-turn.ts';
import { retryTurn } from './retry-turn.ts';
import type { RunRow, StepRow } from './row.ts';
import { eventScope } from './scope.ts';
import type { RunState, Turn, WorkflowCommand } from './turn.ts';

/**
 * A run must end the same whatever the order in which the messages about it come, and however often each comes. The world
 * below keeps what turns record, as the store does, and hands out its messages in the order that the test's numbers say.
 */
type Fate = 'succeeds' | 'dies, is delivered again and succeeds' | 'dies and is retried by a person';
type InFlight =
  | { readonly kind: 'event' }
  | { readonly kind: 'result'; readonly result: StepResult }
  | { readonly kind: 'retry'; readonly retry: StepRetry };

const AT = '2026-01-02T03:04:05.000Z';

const event: WorkflowEvent = {
  id: 'event-1',
  source: 'github',
  type: 't',
  key: 'k',
  priority: 'default',
  time: AT,
  receivedAt: AT,
  stream: 'EVENTS',
  seq: 1,
  traceparent: null,
  hops: 0,
  onlyFor: null,
  body: Buffer.from('{"n":1}'),
};

const compiled = new Map<string, CompiledWorkflow>();

function workflowOf(count: number, version: number): CompiledWorkflow {
  const known = compiled.get(`${count} ${version}`);
  if (known !== undefined) return known;
  const steps = Array.from({ length: count }, (_, index) => ({
    id: `s${index}`,
    uses: 'slack.send',
    with: { channel: '#a', text: index === 0 ? 'start' : `{{ steps.s${index - 1}.output.n | default: "skipped" }}` },
    ...(index % 3 === 2 ? { if: `steps.s${index - 1}.output.n > 2` } : {}),
  }));
  const result = compileText(JSON.stringify({ name: 'w', on: { event: 't' }, steps }), version);
  assert.ok(result.kind === 'right');
  compiled.set(`${count} ${version}`, result.value.compiled);
  return result.value.compiled;
}

class World {
  readonly commands: string[] = [];
  readonly #versions: readonly CompiledWorkflow[];
  readonly #fates: readonly Fate[];
  readonly #runs = new Map<string, RunRow>();
  readonly #steps = new Map<string, StepRow>();
  #inFlight: InFlight[] = [{ kind: 'event' }];
  readonly #delivered: InFlight[] = [];

  constructor(fates: readonly Fate[]) {
    this.#fates = fates;
    this.#versions = [workflowOf(fates.length, 1), workflowOf(fates.length, 2)];
  }

  /** Each number picks one message: of those in flight, or of those that have been delivered before. */
  play(picks: readonly number[]): { readonly runs: readonly RunRow[]; readonly steps: readonly StepRow[] } {
    for (const pick of picks) {
      const choice = pick % (this.#inFlight.length + this.#delivered.length);
      const again = this.#delivered[choice - this.#inFlight.length];
      if (again === undefined) this.#deliverFirst(choice);
      else this.#deliver(again);
    }
    while (this.#inFlight.length > 0) this.#deliverFirst(0);
    for (const message of this.#delivered) this.#deliver(message);
    return { runs: [...this.#runs.values()], steps: [...this.#steps.values()] };
  }

  #deliverFirst(index: number): void {
    const [message] = this.#inFlight.splice(index, 1);
    assert.ok(message);
    this.#delivered.push(message);
    this.#deliver(message);
  }

  #deliver(message: InFlight): void {
    const turn = this.#turn(message);
    assert.ok(turn.kind === 'recorded');
    for (const row of turn.rows) {
      if (row.kind === 'run') this.#runs.set(row.id, row);
      if (row.kind === 'step') this.#steps.set(row.path, row);
    }
    for (const command of turn.commands) {
      this.commands.push(command.id);
      this.#work(command);
    }
    if (message.kind === 'result' && message.result.kind === 'failed') this.#askForRetry(message.result);
  }

  #turn(message: InFlight): Turn {
    const [run] = this.#runs.values();
    const state: RunState | undefined = run === undefined ? undefined : { run, steps: [...this.#steps.values()] };
    const workflow = this.#versions[(run?.version ?? 1) - 1]!;
    const scope = { kind: 'read', scope: eventScope(event), event } as const;
    if (message.kind === 'event')
      return eventTurn({ event, workflows: [this.#versions[0]!], existing: new Set(this.#runs.keys()), at: AT });
    if (message.kind === 'result') return resultTurn({ result: message.result, state, workflow, event: scope, at: AT });
    return retryTurn({ retry: message.retry, state, workflow: this.#versions[message.retry.version - 1], event: scope, at: AT });
  }

  /** What the step's actor does with a command. */
  #work({ id, run, step }: WorkflowCommand): void {
    const index = Number(step.slice(1));
    const about = { messageId: `${id}/result`, run, step, command: id };
    const succeeded = { ...about, kind: 'succeeded', output: { n: index + 1 } } as const;
    const failed = { ...about, kind: 'failed', error: { reason: 'refused', because: 'no' }, deadLetterId: `d-${id}` } as const;
    const fate = this.#fates[index];
    if (fate === 'succeeds' || id.includes('#')) this.#inFlight.push({ kind: 'result', result: succeeded });
    else if (fate === 'dies and is retried by a person') this.#inFlight.push({ kind: 'result', result: failed });
    else this.#inFlight.push({ kind: 'result', result: failed }, { kind: 'result', result: succeeded });
  }

  #askForRetry({ run, step, command }: StepResult): void {
    if (this.#fates[Number(step.slice(1))] !== 'dies and is retried by a person' || command.includes('#')) return;
    if (this.#delivered.some((message) => message.kind === 'retry' && message.retry.step === step)) return;
    if (this.#inFlight.some((message) => message.kind === 'retry' && message.retry.step === step)) return;
    this.#inFlight.push({
      kind: 'retry',
      retry: { messageId: `${run}/${step}/retry#g`, run, step, generation: 'g', workflow: 'w', version: 2 },
    });
  }
}

test('whatever the order and the repetition of results, a run ends the same and asks for no work twice', () => {
  const fate = fc.constantFrom<Fate[]>('succeeds', 'dies, is delivered again and succeeds', 'dies and is retried by a person');
  fc.assert(
    fc.property(fc.array(fate, { minLength: 1, maxLength: 6 }), fc.array(fc.nat(), { maxLength: 60 }), (fates, picks) => {
      const straight = new World(fates);
      const expected = straight.play([]);
      const shuffled = new World(fates);
      assert.deepEqual(shuffled.play(picks), expected);
      assert.deepEqual(shuffled.commands, straight.commands);
      assert.equal(new Set(shuffled.commands).size, shuffled.commands.length);
      assert.deepEqual(
        expected.runs.map(({ status }) => status),
        ['done'],
      );
    }),
    { numRuns: 200 },
  );
});
