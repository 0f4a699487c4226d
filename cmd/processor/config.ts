import { join } from 'node:path';
import { z } from 'zod';
import { DEVELOPMENT_MARK } from '../../lib/core/seal.ts';
import {
  BROKER_RELATIONS,
  BROKER_VARIABLES,
  COMMON_FLAGS,
  COMMON_VARIABLES,
  DATABASE_VARIABLES,
  DOCUMENT_LINK_VARIABLES,
  instanceVariable,
} from '../../lib/config/common.ts';
import { type ConfigOf, integer, optional, parseConfig, port, type Relation, text, variable, withFlags } from '../../lib/config/config.ts';

/** The actors that this program brings along. */
export const BUILT_IN_ACTORS = ['workflow', 'document'] as const;

export type BuiltInActor = (typeof BUILT_IN_ACTORS)[number];

/** Names with commas between them; `none` is none of them. */
const builtInActors: z.ZodType<readonly BuiltInActor[]> = z
  .string()
  .transform((list) => (list === 'none' ? [] : splitList(list)))
  .pipe(z.array(z.enum(BUILT_IN_ACTORS)));

/** Paths with commas between them. */
const paths: z.ZodType<readonly string[]> = z.string().transform(splitList);

function splitList(list: string): string[] {
  return [...new Set(list.split(',').map((part) => part.trim()))].filter((part) => part !== '');
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
    // Documents are rendered in a process of their own, which has Chromium beside it.
    description: `Which of VisAPI's own actors this process runs: ${BUILT_IN_ACTORS.join(', ')}, with commas between them, or none.`,
    default: 'workflow',
  }),
  userActors: variable('VISAPI_ACTORS', paths, {
    description: 'Files, or folders of files, with actors of your own that this process runs; commas between them. See docs/actors.md.',
    default: '',
  }),
  ...DOCUMENT_LINK_VARIABLES,
  publicUrl: variable('PUBLIC_URL', z.url({ protocol: /^https?$/ }), {
    description: 'Where ingest is seen from the outside: links to documents begin with it.',
    default: 'http://127.0.0.1:27080',
  }),
  documentLinkDays: variable('DOCUMENT_LINK_DAYS', integer({ min: 1, max: 90 }), {
    // A receipt is opened within days or searched for in the e-mail that has it; the document itself is kept for 90.
    description: 'How long the link to a document opens it. Days.',
    default: '14',
  }),
  documentTemplates: variable('DOCUMENT_TEMPLATES', text, {
    description: 'The folder with the templates of documents and their words.',
    default: join('examples', 'documents'),
  }),
  documentBrowsers: variable('DOCUMENT_BROWSERS', integer({ min: 1, max: 16 }), {
    // Of two cores one page keeps one busy.
    description: 'Browsers that render at once, each one page at a time; each has some 200 MB.',
    default: '2',
  }),
  documentDeadlineMs: variable('DOCUMENT_DEADLINE_MS', integer({ min: 500, max: 300_000 }), {
    description: 'A document that is not rendered by then is given up, and its browser ended. Milliseconds.',
    default: '15000',
  }),
  documentMaxBytes: variable('DOCUMENT_MAX_BYTES', integer({ min: 10_000, max: 20_000_000 }), {
    // Mail servers take 10 to 25 MB, of which base64 needs a third.
    description: 'The largest PDF that is stored. Bytes.',
    default: '5000000',
  }),
  documentMaxPages: variable('DOCUMENT_MAX_PAGES', integer({ min: 1, max: 2_000 }), {
    description: 'The most pages that a PDF may have.',
    default: '100',
  }),
  documentBrowserMaxBytes: variable('DOCUMENT_BROWSER_MAX_BYTES', integer({ min: 200_000_000, max: 16_000_000_000 }), {
    // A plain page needs 150 MB, one of a hundred pages 400.
    description: 'A browser that takes more memory is ended with its document. Bytes.',
    default: '800000000',
  }),
  documentPageRenders: variable('DOCUMENT_PAGE_RENDERS', integer({ min: 1, max: 10_000 }), {
    // A process of its own costs some 70 ms of a core: of 20 documents each has a twentieth of it.
    description: 'So many documents are printed by one process of a browser, one after the other; with 1 each has one of its own.',
    default: '20',
  }),
  documentBrowserRenders: variable('DOCUMENT_BROWSER_RENDERS', integer({ min: 1, max: 100_000 }), {
    description: 'After so many documents a browser is replaced.',
    default: '500',
  }),
  chromiumPath: optional('CHROMIUM_PATH', text, {
    description: 'A Chromium that is neither on PATH nor in `.visapi`.',
  }),
} as const;

export type ProcessorConfig = ConfigOf<typeof PROCESSOR_VARIABLES> & {
  /** Where a browser is looked for: `PATH`, and the folder that `npm run browser` fills. */
  readonly searchPath: string | undefined;
  readonly browserCache: string;
};

export const PROCESSOR_RELATIONS: readonly Relation<ConfigOf<typeof PROCESSOR_VARIABLES>>[] = [
  ...BROKER_RELATIONS,
  {
    of: ['ACTORS', 'VISAPI_ACTORS'],
    expected: 'at least one actor, here or in VISAPI_ACTORS',
    holds: ({ actors, userActors }) => actors.length + userActors.length > 0,
  },
  {
    of: ['DOCUMENT_LINK_KEY', 'ACTORS'],
    expected: 'it where ACTORS has document',
    holds: ({ actors, documentLinkKey }) => !actors.includes('document') || documentLinkKey !== undefined,
  },
  {
    of: ['DOCUMENT_LINK_KEY', 'VISAPI_ENV'],
    expected: 'one of its own where VISAPI_ENV is production, not the one that npm start has made',
    holds: ({ env, documentLinkKey }) => env !== 'production' || documentLinkKey?.reveal().includes(DEVELOPMENT_MARK) !== true,
  },
];

/** Reads the environment and the flags; throws `invalid_config` with all problems. */
export function readProcessorConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  argv: readonly string[] = process.argv,
): ProcessorConfig {
  const config = parseConfig(PROCESSOR_VARIABLES, withFlags(environment, argv, COMMON_FLAGS), { relations: PROCESSOR_RELATIONS });
  return { ...config, searchPath: environment['PATH'], browserCache: join(environment['VISAPI_HOME'] ?? '.visapi', 'cache') };
}
