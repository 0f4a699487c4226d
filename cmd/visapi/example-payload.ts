import { createRequire } from 'node:module';
import { CommandError, exitCodes } from './output.ts';

/** A payload that GitHub really sent, by `<event>.<action>` or `<event>`. */
export interface ExamplePayload {
  readonly name: string;
  readonly event: string;
  readonly payload: unknown;
}

interface Definition {
  readonly name: string;
  readonly examples: readonly unknown[];
}

/** The first payload of each event and action, by name. @throws CommandError where the package of examples is not installed */
export function githubExamples(): ReadonlyMap<string, ExamplePayload> {
  const examples = new Map<string, ExamplePayload>();
  for (const { name: event, examples: payloads } of loadDefinitions()) {
    for (const payload of payloads) {
      const action = payload !== null && typeof payload === 'object' && 'action' in payload ? payload.action : undefined;
      const name = typeof action === 'string' ? `${event}.${action}` : event;
      if (!examples.has(name)) examples.set(name, { name, event, payload });
    }
  }
  return examples;
}

/** @throws CommandError where there is none of that name; it says which are near */
export function findExample(name: string): ExamplePayload {
  const examples = githubExamples();
  const found = examples.get(name);
  if (found !== undefined) return found;
  const event = name.split('.')[0] ?? name;
  const near = [...examples.keys()].filter((known) => known === event || known.startsWith(`${event}.`));
  const hint = near.length > 0 ? `there are ${near.join(', ')}` : 'visapi send --list shows all';
  throw new CommandError(`expected the name of an example, got ${name}; ${hint}`, { exitCode: exitCodes.notFound });
}

/** The package is one JSON file, and only a development dependency. */
function loadDefinitions(): readonly Definition[] {
  try {
    return createRequire(import.meta.url)('@octokit/webhooks-examples') as readonly Definition[];
  } catch (error) {
    throw new CommandError(
      'the examples are in the development package @octokit/webhooks-examples: run npm install, or send --data @file',
      { cause: error },
    );
  }
}
