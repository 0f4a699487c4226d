import {
  BROKER_RELATIONS,
  BROKER_VARIABLES,
  COMMON_FLAGS,
  COMMON_VARIABLES,
  DATABASE_VARIABLES,
  instanceVariable,
} from '../../lib/config/common.ts';
import { type ConfigOf, parseConfig, port, type Relation, variable, withFlags } from '../../lib/config/config.ts';

export const PROCESSOR_VARIABLES = {
  ...COMMON_VARIABLES,
  ...BROKER_VARIABLES,
  ...DATABASE_VARIABLES,
  ...instanceVariable('processor'),
  opsPort: variable('PROCESSOR_OPS_PORT', port, {
    description: 'The port of the operations server: health and metrics.',
    default: '27082',
  }),
} as const;

export type ProcessorConfig = ConfigOf<typeof PROCESSOR_VARIABLES>;

export const PROCESSOR_RELATIONS: readonly Relation<ProcessorConfig>[] = [...BROKER_RELATIONS];

/** Reads the environment and the flags; throws `invalid_config` with all problems. */
export function readProcessorConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  argv: readonly string[] = process.argv,
): ProcessorConfig {
  return parseConfig(PROCESSOR_VARIABLES, withFlags(environment, argv, COMMON_FLAGS), { relations: PROCESSOR_RELATIONS });
}
