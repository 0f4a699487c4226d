import { join } from 'node:path';
import { BROKER_VARIABLES, COMMON_FLAGS, COMMON_VARIABLES, BROKER_RELATIONS, instanceVariable } from '../../lib/config/common.ts';
import { integer, parseConfig, port, text, variable, withFlags } from '../../lib/config/config.ts';
import type { ConfigOf, Relation } from '../../lib/config/config.ts';

export const INGEST_VARIABLES = {
  ...COMMON_VARIABLES,
  ...BROKER_VARIABLES,
  ...instanceVariable('ingest'),
  host: variable('INGEST_HOST', text, { description: 'The address that webhooks come in on.', default: '127.0.0.1' }),
  port: variable('INGEST_PORT', port, { description: 'The port that webhooks come in on.', default: '27080' }),
  opsPort: variable('INGEST_OPS_PORT', port, { description: 'The port of the operations server.', default: '27081' }),
  sourcesFile: variable('INGEST_SOURCES_FILE', text, {
    description: 'The JSON file with the sources and their secrets; it is read again on SIGHUP and when it changes.',
    default: join('.visapi', 'sources.json'),
  }),
  maxBodyBytes: variable('INGEST_MAX_BODY_BYTES', integer({ min: 1_024, max: 8_388_608 }), {
    description: "The largest body that is taken; the broker's own limit must be larger. Bytes.",
    default: '1048576',
  }),
  rejectedRatePerSecond: variable('INGEST_REJECTED_RATE', integer({ min: 1, max: 100_000 }), {
    description: 'Unverified requests of one source that are kept per second, for a readmission; the others are counted and dropped.',
    default: '200',
  }),
  rejectedBurst: variable('INGEST_REJECTED_BURST', integer({ min: 1, max: 100_000 }), {
    description: 'Unverified requests of one source that are kept at once, after a pause.',
    default: '2000',
  }),
} as const;

export type IngestConfig = ConfigOf<typeof INGEST_VARIABLES>;

export const INGEST_RELATIONS: readonly Relation<IngestConfig>[] = [...BROKER_RELATIONS];

/** Reads the environment and the command line. */
export function readIngestConfig(): IngestConfig {
  const environment = withFlags(process.env, process.argv, COMMON_FLAGS);
  const home = environment['VISAPI_HOME'];
  const defaults = home === undefined || home === '' ? {} : { INGEST_SOURCES_FILE: join(home, 'sources.json') };
  return parseConfig(INGEST_VARIABLES, { ...defaults, ...environment }, { relations: INGEST_RELATIONS });
}
