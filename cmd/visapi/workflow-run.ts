import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Emit } from '../../lib/actor/message.ts';
import { HEADERS, SCHEMA_VERSION } from '../../lib/core/headers.ts';
import { eventId, runId } from '../../lib/core/identity.ts';
import { slotOf } from '../../lib/core/slot.ts';
import { writeAudit } from '../../lib/store/audit-log.ts';
import { enabledVersion } from '../../lib/store/workflows.ts';
import { checkDefinition } from '../../lib/workflow/definition.ts';
import { eventSubject } from '../../streams/subjects.ts';
import { CommandError, exitCodes, outputOf } from './output.ts';
import { whoami, withDatabase, withPublisher } from './session.ts';
import { findVersion } from './workflow-document.ts';

interface RunOptions {
  readonly data: string;
  readonly type?: string;
  readonly key?: string;
  readonly id?: string;
}

/** The source of events that a person makes. */
const BY_HAND = 'manual';
const PUBLISH_WITHIN_MS = 10_000;

/** `visapi workflows run`: one run, by hand. */
export function registerWorkflowRun(workflows: Command): void {
  workflows
    .command('run')
    .argument('<name>', "the workflow's name")
    .option('--data <text>', "the event's body as JSON, or @file", '{}')
    .option('--type <type>', "the event's type (default: the first that the workflow wants)")
    .option('--key <key>', "the event's key (default: its id)")
    .option('--id <id>', 'the same one again is the same run (default: a new one)')
    .description('open a run by hand: an event for this workflow alone, whose trigger is not asked')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi workflows run order-follow-up --data '{"number":"A-17","total":40,"currency":"EUR"}' --key A-17
  $ visapi workflows run order-follow-up --data @order.json --id try-1`,
    )
    .action(async (name: string, options: RunOptions, command: Command) => {
      const body = await readData(options.data);
      const { version, types } = await withDatabase(async (database) => {
        await findVersion(database, name, '--version', undefined);
        const enabled = await enabledVersion(database, name);
        if (enabled === undefined) throw new CommandError(`${name} is disabled: visapi workflows apply enables it`);
        const checked = checkDefinition(enabled.document);
        return { version: enabled.version, types: checked.kind === 'right' ? [checked.value.on.event].flat() : [] };
      });
      const event = eventId(BY_HAND, options.id ?? randomUUID());
      const run = runId(name, event);
      const emit = eventByHand({ id: event, workflow: name, type: options.type ?? types[0] ?? BY_HAND, key: options.key ?? event, body });
      await withPublisher((publisher) => publisher.publish(emit, AbortSignal.timeout(PUBLISH_WITHIN_MS)));
      await withDatabase((database) =>
        writeAudit(database.tables, { who: whoami(), action: 'workflow.run', target: run, detail: { workflow: name, version, event } }),
      );
      outputOf(command).result(
        { run, event, workflow: name, version },
        () => `Run ${run} of ${name} is opened. visapi runs show ${run} shows where it stands.`,
      );
    });
}

async function readData(text: string): Promise<Uint8Array> {
  const json = text.startsWith('@') ? await readFile(text.slice(1), 'utf8').catch(() => undefined) : text;
  if (json === undefined)
    throw new CommandError(`--data: expected a file that can be read, got ${text.slice(1)}`, { exitCode: exitCodes.notFound });
  try {
    JSON.parse(json);
  } catch (error) {
    throw new CommandError('--data: expected JSON or @file', { exitCode: exitCodes.wrongUsage, cause: error });
  }
  return Buffer.from(json);
}

function eventByHand({ id, workflow, type, key, body }: Pick<Emit, 'id' | 'key' | 'body'> & { workflow: string; type: string }): Emit {
  const now = new Date().toISOString();
  return {
    id,
    key,
    subject: eventSubject({ priority: 'default', slot: slotOf(key), source: BY_HAND, type }),
    headers: {
      [HEADERS.received]: now,
      [HEADERS.workflow]: workflow,
      [HEADERS.schema]: SCHEMA_VERSION,
      [HEADERS.contentType]: 'application/json',
      [HEADERS.ceSpecVersion]: '1.0',
      [HEADERS.ceId]: id,
      [HEADERS.ceSource]: BY_HAND,
      [HEADERS.ceType]: type,
      [HEADERS.ceTime]: now,
    },
    body,
  };
}
