import type { Command } from 'commander';
import type { ActorOverview } from '../../../lib/store/actor-overview.ts';
import { readActorOverview } from '../../../lib/store/actor-overview.ts';
import { ACTOR_LANES } from '../../../streams/actors.ts';
import { countConsumers, type LaneOwner, MAX_CONSUMERS } from '../../../streams/lanes.ts';
import { listKeys, showState } from '../actor-state.ts';
import { parseCount } from '../moment.ts';
import { CommandError, exitCodes, outputOf, table } from '../output.ts';
import { withDatabase } from '../session.ts';
import { loadToolActors } from '../user-actors.ts';

interface ListedActor extends LaneOwner {
  /** The file of a user's own actor; null: VisAPI brings it along. */
  readonly file: string | null;
}

/** `visapi actors`: what handles messages, and where it is. */
export function registerActors(program: Command): void {
  const actors = program
    .command('actors')
    .alias('actor')
    .addHelpText('after', '\nExamples:\n  $ visapi actors list\n  $ visapi actor state count-payments customer-3');
  actors
    .command('list')
    .description("VisAPI's own actors and those that VISAPI_ACTORS names: what they read, who runs them, what waits")
    .addHelpText('after', '\nExamples:\n  $ visapi actors list\n  $ VISAPI_ACTORS=./actors visapi actors list --json')
    .action(async (_options: object, command: Command) => {
      const known = [...ACTOR_LANES.map((actor): ListedActor => ({ ...actor, file: null })), ...(await userActors())];
      const overview = await withDatabase((database) => readActorOverview(database));
      const found = known.map((actor) => ({ ...actor, record: overview.find((each) => each.actor === actor.name) ?? null }));
      // What ran once, or runs from another machine's files.
      const others = overview.filter(({ actor }) => !known.some(({ name }) => name === actor));
      const consumers = { needed: countConsumers(known), atMost: MAX_CONSUMERS };
      outputOf(command).result({ actors: found, others, consumers }, () =>
        [
          table(
            ['actor', 'from', 'reads', 'partitions', 'run by', 'parked', 'dead letters'],
            [
              ...found.map((actor) => [
                actor.name,
                actor.file ?? 'VisAPI',
                readsOf(actor),
                actor.partitions,
                ...recordCells(actor.record, actor.partitions),
              ]),
              ...others.map((record) => [
                record.actor,
                'not among VISAPI_ACTORS here',
                '',
                record.units,
                ...recordCells(record, record.units),
              ]),
            ],
          ),
          `consumers: ${consumers.needed} of at most ${consumers.atMost}`,
        ].join('\n'),
      );
    });
  registerState(actors);
}

/** `visapi actor state`: what an actor keeps of its keys. */
function registerState(actors: Command): void {
  actors
    .command('state')
    .argument('<actor>', 'as visapi actors list shows it')
    .argument('[key]', "an event's key; without it the keys are listed")
    .option('--limit <count>', 'without a key: keys at most', '50')
    .option('--after <key>', 'without a key: the page after this key')
    .option('--after-mailbox <key>', 'with --after, where the actor refines its keys: the page after this mailbox of the key')
    .description('what an actor keeps of a key: its version, since when, by which event, and the JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ visapi actor state count-payments
  $ visapi actor state count-payments customer-3
  $ visapi actor state count-payments customer-3 --json
  $ visapi actor state count-payments --limit 200 --after customer-3`,
    )
    .action(async (actor: string, key: string | undefined, options: StateOptions, command: Command) => {
      const { after, afterMailbox } = options;
      const limit = parseCount('--limit', options.limit, 1, 1_000);
      if (afterMailbox !== undefined && after === undefined)
        throw new CommandError('--after-mailbox: expected --after with it, got none', { exitCode: exitCodes.wrongUsage });
      const cursor = after === undefined ? undefined : { eventKey: after, key: afterMailbox };
      await withDatabase(async (database) => {
        const known = [...ACTOR_LANES, ...(await readActorOverview(database)).map(({ actor: name }) => ({ name }))].map(({ name }) => name);
        const output = outputOf(command);
        if (key === undefined) await listKeys(database, output, actor, { limit, after: cursor }, known);
        else await showState(database, output, actor, key, known);
      });
    });
}

interface StateOptions {
  readonly limit: string;
  readonly after?: string;
  readonly afterMailbox?: string;
}

async function userActors(): Promise<ListedActor[]> {
  const [loaded, { laneOwnerOf }] = await Promise.all([loadToolActors(), import('../../../streams/actor-lanes.ts')]);
  return loaded.map(({ definition, file }) => ({ ...laneOwnerOf(definition), file }));
}

function readsOf({ reads, types }: LaneOwner): string {
  return reads.map((what) => (what === 'events' && types !== undefined ? `events ${types.join(', ')}` : what)).join(' and ');
}

function recordCells(record: ActorOverview | null, partitions: number): (string | number)[] {
  if (record === null) return ['nobody', 0, 0];
  const owners = record.owned === 0 ? 'nobody' : record.owners.join(', ');
  return [
    record.owned > 0 && record.owned < partitions ? `${owners} (${record.owned} of ${partitions})` : owners,
    record.parked,
    record.dead,
  ];
}
