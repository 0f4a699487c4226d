import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

import { eventId } from '../core/identity.ts';
import { PRIORITIES } from '../core/priority.ts';
import type { CompiledWorkflow } from './compile.ts';
import type { Checked } from './definition.ts';
import { readDocument } from './document.ts';
import type { WorkflowEvent } from './event.ts';
import { schemaMistakes } from './schema-mistake.ts';
import type { Played } from './test-run.ts';
import { playRun } from './test-run.ts';

const Result = z.union([z.strictObject({ output: z.unknown() }), z.strictObject({ error: z.string() })]);
const Status = z.enum(['waiting', 'done', 'failed', 'skipped', 'not reached']);

const Step = z.strictObject({
  status: Status.optional(),
  /** The rendered `with`: the fields that are named have to be as they are here. */
  with: z.record(z.string(), z.unknown()).optional(),
  output: z.unknown().optional(),
  /** A part of why it failed or was skipped. */
  because: z.string().optional(),
});

const Case = z.strictObject({
  name: z.string().min(1).max(200),
  event: z.strictObject({
    type: z.string().min(1),
    source: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
    id: z.string().min(1).optional(),
    time: z.iso.datetime({ offset: true }).optional(),
    priority: z.enum(PRIORITIES).optional(),
    data: z.unknown().optional(),
  }),
  /** By the step's path: what its actor answers. (Default: success with an empty object) */
  results: z.record(z.string(), Result).optional(),
  expect: z.strictObject({
    /** `none`: no run is opened. */
    run: z.enum(['done', 'failed', 'none']),
    steps: z.record(z.string(), Step).optional(),
  }),
});

const Suite = z.strictObject({ tests: z.array(Case).min(1).max(200) });

/** One example of what a workflow does with an event. */
export type TestCase = z.infer<typeof Case>;

/** Reads the cases that are kept beside a workflow, from YAML or JSON. */
export function readTestCases(text: string): Checked<readonly TestCase[]> {
  const read = readDocument(text);
  if (read.kind === 'wrong') return read;
  const parsed = Suite.safeParse(read.value);
  if (parsed.success) return { kind: 'right', value: parsed.data.tests };
  return { kind: 'wrong', mistakes: schemaMistakes(parsed.error, read.value, fieldsAt) };
}

function fieldsAt(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(Suite.shape);
  if (path.length === 2) return Object.keys(Case.shape);
  if (path[2] === 'event') return path.length === 3 ? Object.keys(Case.shape.event.shape) : [];
  if (path[2] !== 'expect') return [];
  return path.length === 3 ? Object.keys(Case.shape.expect.shape) : path.length === 5 ? Object.keys(Step.shape) : [];
}

/** Without a time of its own a case begins here, so that it is the same every day. */
const BEGIN = '2026-01-01T00:00:00.000Z';

/** Plays a case without touching anything outside. @returns what is not as the case expects; empty where all is */
export function runTestCase(workflow: CompiledWorkflow, { event, results = {}, expect }: TestCase): string[] {
  const played = playRun(workflow, eventOf(workflow, event), results);
  if (played.kind === 'none')
    return [
      ...(expect.run === 'none' ? [] : [`run: expected ${expect.run}, got none: ${played.because}`]),
      ...Object.keys(results).map((path) => `results.${path}: expected a step that is reached, got no run`),
    ];
  const wrong = expect.run === played.run.status ? [] : [`run: expected ${expect.run}, got ${played.run.status}${whyFailed(played)}`];
  for (const path of Object.keys(results))
    if (!played.asked.has(path)) wrong.push(`results.${path}: expected a step that sends a command, got one that does not`);
  for (const [path, expected] of Object.entries(expect.steps ?? {})) wrong.push(...stepDifferences(path, expected, played));
  return wrong;
}

function eventOf(workflow: CompiledWorkflow, given: TestCase['event']): WorkflowEvent {
  const {
    type,
    source = workflow.source ?? 'test',
    key = 'test',
    id = eventId('test', 'test'),
    time = BEGIN,
    priority = 'default',
    data,
  } = given;
  const body = Buffer.from(JSON.stringify(data ?? null));
  return {
    id,
    source,
    type,
    key,
    priority,
    time,
    receivedAt: time,
    stream: 'EVENTS',
    seq: 1,
    traceparent: null,
    hops: 0,
    onlyFor: null,
    body,
  };
}

function whyFailed({ run }: Extract<Played, { kind: 'played' }>): string {
  return run.error === null ? '' : `: ${run.error.place === undefined ? '' : `${run.error.place}: `}${run.error.because}`;
}

function stepDifferences(path: string, expected: z.infer<typeof Step>, played: Extract<Played, { kind: 'played' }>): string[] {
  const place = `steps.${path}`;
  const row = played.steps.find((each) => each.path === path);
  if (row === undefined) return expected.status === 'not reached' ? [] : [`${place}: expected a step that is reached, got none`];
  const wrong: string[] = [];
  const compare = (what: string, wanted: unknown, got: unknown): void => {
    if (!isDeepStrictEqual(wanted, got)) wrong.push(`${place}.${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
  };
  if (expected.status !== undefined) compare('status', expected.status, row.status);
  if (expected.output !== undefined) compare('output', expected.output, row.output);
  for (const [name, wanted] of Object.entries(expected.with ?? {})) compare(`with.${name}`, wanted, played.asked.get(path)?.[name]);
  const because = row.reason ?? row.error?.because ?? '';
  if (expected.because !== undefined && !because.includes(expected.because))
    wrong.push(`${place}.because: expected a text with ${JSON.stringify(expected.because)}, got ${JSON.stringify(because)}`);
  return wrong;
}
