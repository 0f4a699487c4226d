import { z } from 'zod';
import {
  BROKER_RELATIONS,
  BROKER_VARIABLES,
  COMMON_FLAGS,
  COMMON_VARIABLES,
  DATABASE_VARIABLES,
  instanceVariable,
} from '../../lib/config/common.ts';
import { type ConfigOf, parseConfig, port, type Relation, variable, withFlags } from '../../lib/config/config.ts';

/** The actors that this program brings along. */
export const BUILT_IN_ACTORS = ['workflow'] as const;

export type BuiltInActor = (typeof BUILT_IN_ACTORS)[number];

/** Names with commas between them; `none` is none of them. */
const builtInActors: z.ZodType<readonly BuiltInActor[]> = z
  .string()
  .transform((text) => (text === 'none' ? [] : splitList(text)))
  .pipe(z.array(z.enum(BUILT_IN_ACTORS)));

/** Paths with commas between them. */
const paths: z.ZodType<readonly string[]> = z.string().transform(splitList);

function splitList(text: string): string[] {
  return [...new Set(text.split(',').map((part) => part.trim()))].filter((part) => part !== '');
}

export const PROCESSOR_VARIABLES = {
  ...COMMON_VARIABLES,
  ...BROKER_VARIABLES,
  ...DATABASE_VARIABLES,
  ...instanceVariable('processor'),
  opsPort: variable('PROCESSOR_OPS_PORT', port, {
    description: 'The port of the operations server: health and metrics.',
    default: '27082',
  }),
  actors: variable('ACTORS', builtInActors, {
    description: `Which of VisAPI's own actors this process runs: ${BUILT_IN_ACTORS.join(', ')}, with commas between them, or none.`,
    default: 'workflow',
  }),
  userActors: variable('VISAPI_ACTORS', paths, {
    description: 'Files, or folders of files, with actors of your own that this process runs; commas between them. See docs/actors.md.',
    default: '',
  }),
} as const;

export type ProcessorConfig = ConfigOf<typeof PROCESSOR_VARIABLES>;

export const PROCESSOR_RELATIONS: readonly Relation<ProcessorConfig>[] = [
  ...BROKER_RELATIONS,
  {
    of: ['ACTORS', 'VISAPI_ACTORS'],
    expected: 'at least one actor, here or in VISAPI_ACTORS',
    holds: ({ actors, userActors }) => actors.length + userActors.length > 0,
  },
];

/** Reads the environment and the flags; throws `invalid_config` with all problems. */
export function readProcessorConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  argv: readonly string[] = process.argv,
): ProcessorConfig {
  return parseConfig(PROCESSOR_VARIABLES, withFlags(environment, argv, COMMON_FLAGS), { relations: PROCESSOR_RELATIONS });
}
