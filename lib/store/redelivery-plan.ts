import type { RunState } from '../workflow/turn.ts';
import { canonicalJson } from './canonical-json.ts';
import type { Database } from './database.ts';
import { type DeadLetterEntry, deathsOfWork } from './dead-letters.ts';
import { readRuns } from './run-reader.ts';
import { stepAt } from './step-at.ts';
import { enabledVersion, findWorkflow } from './workflows.ts';

/**
 * What redelivering a dead letter means:
 * - `message`: the stored message runs again, as it was
 * - `step`: its step was mended since; it is rendered again with the newest version and becomes a new command
 * - `refused`: it would do nothing, or something that nobody expects. `needsForce`: it is done all the same when it is forced
 */
export type RedeliveryPlan =
  | { readonly kind: 'message'; readonly letter: DeadLetterEntry; readonly copySeq: number }
  | {
      readonly kind: 'step';
      readonly letter: DeadLetterEntry;
      readonly run: string;
      readonly step: string;
      readonly workflow: string;
      readonly version: number;
      readonly fromVersion: number;
    }
  | { readonly kind: 'refused'; readonly letter: DeadLetterEntry; readonly because: string; readonly needsForce: boolean };

export interface RedeliveryOptions {
  /** Run the stored message again, also where its step was mended. */
  readonly asIs: boolean;
  /** Also where the run has moved on (the effect then happens, the run does not move), or somebody has decided otherwise. */
  readonly force: boolean;
  /** Chosen by a filter, not by its id: nobody has looked at it. */
  readonly isBulk: boolean;
}

/** What died as often is not redelivered unseen: whatever is wrong with it is not mended by trying once more. */
export const MAX_DEATHS_IN_BULK = 3;

/** Looks only. */
export async function planRedelivery(database: Database, letter: DeadLetterEntry, options: RedeliveryOptions): Promise<RedeliveryPlan> {
  const deaths = await deathsOfWork(database, letter);
  const newest = deaths.findLast(({ messageId }) => messageId === letter.messageId);
  if (newest !== undefined && newest.round > letter.round) return refuse(letter, `it is superseded by ${newest.id}`, false);
  if (letter.status === 'redelivered') return refuse(letter, 'it is redelivered already and has not ended', false);
  if (letter.status === 'resolved' && !options.force) return refuse(letter, 'it is resolved already', true);
  if (letter.status === 'discarded' && !options.force) return refuse(letter, `it is discarded: ${letter.statusBecause ?? ''}`, true);
  if (options.isBulk && !options.force && deaths.length >= MAX_DEATHS_IN_BULK)
    return refuse(letter, `it has died ${deaths.length} times: look at it, and redeliver it by its id`, true);
  if (letter.run === null || letter.step === null) return planMessage(letter);
  const state = (await readRuns(database, [letter.run])).get(letter.run);
  const isMoved = movedOn(letter, state);
  if (isMoved !== undefined) return options.force ? planMessage(letter) : refuse(letter, isMoved, true);
  if (options.asIs || state === undefined) return planMessage(letter);
  return (await planStep(database, letter, state, letter.step)) ?? planMessage(letter);
}

function planMessage(letter: DeadLetterEntry): RedeliveryPlan {
  if (letter.copySeq === null) return refuse(letter, 'its copy is not confirmed by the log yet; try again in a moment', false);
  return { kind: 'message', letter, copySeq: letter.copySeq };
}

function refuse(letter: DeadLetterEntry, because: string, needsForce: boolean): RedeliveryPlan {
  return { kind: 'refused', letter, because, needsForce };
}

/** Why the result of this message would not move its run any more. */
function movedOn(letter: DeadLetterEntry, state: RunState | undefined): string | undefined {
  if (state === undefined) return `its run ${letter.run} is not known`;
  if (state.run.status === 'cancelled') return `its run ${letter.run} is cancelled`;
  const step = state.steps.find(({ path }) => path === letter.step);
  if (step === undefined) return `its run ${letter.run} has not reached step ${letter.step}`;
  if (step.status === 'done' || step.status === 'skipped') return `its run has moved on: step ${step.path} is ${step.status}`;
  return step.commandId === letter.messageId ? undefined : `its run has moved on: step ${step.path} was given ${step.commandId} since`;
}

/** Undefined where the newest version has this step as the run has it. */
async function planStep(database: Database, letter: DeadLetterEntry, state: RunState, path: string): Promise<RedeliveryPlan | undefined> {
  const { run } = state;
  const step = state.steps.find((each) => each.path === path)!;
  const [from, to] = await Promise.all([findWorkflow(database, run.workflow, step.version), enabledVersion(database, run.workflow)]);
  if (from === undefined || to === undefined || from.version === to.version) return undefined;
  const mended = stepAt(to.document, path);
  if (canonicalJson(mended) === canonicalJson(stepAt(from.document, path))) return undefined;
  if (mended === undefined)
    return refuse(letter, `version ${to.version} of workflow ${run.workflow} has no step ${path}; --as-is runs the stored command`, false);
  if (step.status !== 'failed' || run.status !== 'failed')
    return refuse(letter, `its run has not heard of it yet (step ${path} is ${step.status}); try again in a moment`, false);
  return { kind: 'step', letter, run: run.id, step: path, workflow: run.workflow, version: to.version, fromVersion: from.version };
}
