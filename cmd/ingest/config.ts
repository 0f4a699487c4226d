import { join } from 'node:path';
import { z } from 'zod';
import {
  BROKER_RELATIONS,
  BROKER_VARIABLES,
  COMMON_FLAGS,
  COMMON_VARIABLES,
  DOCUMENT_LINK_VARIABLES,
  instanceVariable,
  SETTINGS_RELATIONS,
  SETTINGS_VARIABLES,
} from '../../lib/config/common.ts';
import { integer, optional, parseConfig, port, text, variable, withFlags } from '../../lib/config/config.ts';
import type { ConfigOf, Relation } from '../../lib/config/config.ts';
import { networkList } from '../../lib/config/network-list.ts';
import { DEFAULT_MAX_IDS } from '../../lib/journal/identity-set.ts';

/** `INGEST_JOURNAL_PATH` where ingest has no disk that survives its process. */
export const NO_JOURNAL = 'none';

/** `INGEST_SETTINGS_FILE` where ingest has no such disk. */
export const NO_SETTINGS_FILE = 'none';

export const INGEST_VARIABLES = {
  ...COMMON_VARIABLES,
  ...BROKER_VARIABLES,
  ...instanceVariable('ingest'),
  host: variable('INGEST_HOST', text, { description: 'The address that webhooks come in on.', default: '127.0.0.1' }),
  port: variable('INGEST_PORT', port, { description: 'The port that webhooks come in on.', default: '27080' }),
  listenFds: optional('LISTEN_FDS', integer({ min: 1, max: 1 }), {
    description:
      'Sockets that whoever starts ingest has opened for it, as systemd does (sd_listen_fds(3)): `1` means descriptor 3, in the place of INGEST_HOST and INGEST_PORT. Connections wait in it while ingest is started anew, and several processes may share it.',
  }),
  listenPid: optional('LISTEN_PID', integer({ min: 1, max: 2 ** 31 }), {
    description: 'The process that LISTEN_FDS is meant for; another one passes it over, as sd_listen_fds(3) says. Empty: whoever gets it.',
  }),
  opsPort: variable('INGEST_OPS_PORT', port, { description: 'The port of the operations server.', default: '27081' }),
  ...SETTINGS_VARIABLES,
  ...DOCUMENT_LINK_VARIABLES,
  settingsFile: variable('INGEST_SETTINGS_FILE', text, {
    description: 'Where the sources and keys that were known last are kept, sealed, so that a start needs no broker; `none` keeps none.',
    default: join('.visapi', 'data', 'settings.sealed'),
  }),
  maxBodyBytes: variable('INGEST_MAX_BODY_BYTES', integer({ min: 1_024, max: 8_388_608 }), {
    description: "The largest body that is taken; the broker's own limit must be larger. Bytes.",
    default: '1048576',
  }),
  trustProxy: variable('TRUST_PROXY', networkList, {
    description: 'Networks (CIDR, with commas) of the proxies whose `X-Forwarded-For` is believed. Empty: nobody is.',
    default: '',
  }),
  addressRequestsPerSecond: variable('INGEST_ADDRESS_REQUESTS_PER_SECOND', integer({ min: 0, max: 1_000_000 }), {
    // Far above what a provider sends, so that none that is genuine is ever refused; a quarter of what two cores take.
    description: 'Requests per second from one address (IPv6: one /64) that are taken, over 10 s, by each process; 0: any number.',
    default: '5000',
  }),
  addressLimitExempt: variable('INGEST_ADDRESS_LIMIT_EXEMPT', networkList, {
    // What comes from this machine is a proxy that TRUST_PROXY does not name, or somebody who tries things out.
    description: 'Networks (CIDR, with commas) whose requests are not counted by address.',
    default: '127.0.0.0/8,::1/128',
  }),
  keyRequestsPerSecond: variable('INGEST_KEY_REQUESTS_PER_SECOND', integer({ min: 0, max: 1_000_000 }), {
    // A request may bring 1,000 events: who needs more sends batches.
    description: 'Requests per second with one API key that are taken, over 10 s, by each process; 0: any number.',
    default: '1000',
  }),
  acceptAfter: variable('ACCEPT_AFTER', z.enum(['journal', 'log']), {
    description: 'Answer when the journal holds the event, or (`log`) wait up to 250 ms for the log to hold it too.',
    default: 'journal',
  }),
  journalPath: variable('INGEST_JOURNAL_PATH', text, {
    description: 'The folder of the journal, on a disk that survives the process; `none` means none, and then the broker has to be up.',
    default: join('.visapi', 'data', 'journal'),
  }),
  journalMaxBytes: variable('INGEST_JOURNAL_MAX_BYTES', integer({ min: 1_048_576, max: 1_099_511_627_776 }), {
    // 300 events a second of 1 KB each, and the broker away for an hour and a half.
    description: 'What may wait in the journal while the broker is away; then the answer is 503. Bytes.',
    default: '2147483648',
  }),
  journalMaxIds: variable('INGEST_JOURNAL_MAX_IDS', integer({ min: 1_000, max: 1_000_000_000 }), {
    description: 'Identities that the journal remembers, for 8 days at most; a repeated event is recognised by them.',
    default: `${DEFAULT_MAX_IDS}`,
  }),
  failPoint: optional('INGEST_FAIL_POINT', text, {
    description: 'Where a test lets ingest die: `<name>` or `<name>:<pass>`, from the table in docs/durability.md. Never in production.',
  }),
  relayMaxPerSecond: variable('RELAY_MAX_PER_SECOND', integer({ min: 1, max: 1_000_000 }), {
    // A tenth of what two cores relay: the rest is for live traffic. A minute's outage at 300/s is gone in 11 s, a day's in four hours.
    description:
      'The most events per second that the relay moves into the log after an outage; never below the rate of acceptance, unless the process is at its limit: then a tenth.',
    default: '2000',
  }),
  rejectedRatePerSecond: variable('INGEST_REJECTED_RATE', integer({ min: 1, max: 100_000 }), {
    description: 'Unverified requests of one source that are kept per second, for a readmission; the others are counted and dropped.',
    default: '200',
  }),
  rejectedBurst: variable('INGEST_REJECTED_BURST', integer({ min: 1, max: 100_000 }), {
    description: 'Unverified requests of one source that are kept at once, after a pause.',
    default: '2000',
  }),
  rejectedSourceBytesPerDay: variable('INGEST_REJECTED_SOURCE_BYTES', integer({ min: 1_048_576, max: 1_099_511_627_776 }), {
    description:
      'Bytes of one source that are kept at once, and then as many per day, so that it does not push out what others have there. A quarter of the size of REJECTED: `visapi streams plan` shows it, 256 MiB at most.',
    default: `${64 * 1024 ** 2}`,
  }),
} as const;

export type IngestConfig = ConfigOf<typeof INGEST_VARIABLES>;

export const INGEST_RELATIONS: readonly Relation<IngestConfig>[] = [
  ...BROKER_RELATIONS,
  ...SETTINGS_RELATIONS,
  {
    of: ['ACCEPT_AFTER', 'INGEST_JOURNAL_PATH'],
    expected: '`log` where INGEST_JOURNAL_PATH is `none`',
    holds: ({ acceptAfter, journalPath }) => journalPath !== NO_JOURNAL || acceptAfter === 'log',
  },
  {
    of: ['INGEST_FAIL_POINT', 'VISAPI_ENV'],
    expected: 'no INGEST_FAIL_POINT in production',
    holds: ({ failPoint, env }) => failPoint === undefined || env !== 'production',
  },
];

/** Reads the environment and the command line. */
export function readIngestConfig(): IngestConfig {
  const environment = withFlags(process.env, process.argv, COMMON_FLAGS);
  const home = environment['VISAPI_HOME'];
  const defaults =
    home === undefined || home === ''
      ? {}
      : { INGEST_SETTINGS_FILE: join(home, 'data', 'settings.sealed'), INGEST_JOURNAL_PATH: join(home, 'data', 'journal') };
  return parseConfig(INGEST_VARIABLES, { ...defaults, ...environment }, { relations: INGEST_RELATIONS });
}
