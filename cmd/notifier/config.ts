import { readFileSync } from 'node:fs';
import { z } from 'zod';
import {
  BROKER_RELATIONS,
  BROKER_VARIABLES,
  COMMON_FLAGS,
  COMMON_VARIABLES,
  DATABASE_VARIABLES,
  instanceVariable,
} from '../../lib/config/common.ts';
import { type ConfigOf, integer, parseConfig, port, type Relation, variable, withFlags } from '../../lib/config/config.ts';
import { parseAllowedOrigin } from '../../lib/egress/destination.ts';
import { parseSlackChannels, type SlackChannels } from './slack/channels.ts';

/** Origins with commas between them; none is fine. */
const origins: z.ZodType<readonly string[]> = z.string().transform((text, context) => {
  try {
    return text
      .split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== '')
      .map(parseAllowedOrigin);
  } catch (error) {
    return refuse(context, error);
  }
});

/** The path of a channels' file, read at once: its mistakes are mistakes of the configuration. */
const slackChannelsFile: z.ZodType<SlackChannels> = z.string().transform((path, context) => {
  try {
    return parseSlackChannels(readFileSync(path, 'utf8'));
  } catch (error) {
    return refuse(context, error);
  }
});

function refuse(context: z.core.$RefinementCtx, error: unknown): never {
  context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
  return z.NEVER;
}

export const NOTIFIER_VARIABLES = {
  ...COMMON_VARIABLES,
  ...BROKER_VARIABLES,
  ...DATABASE_VARIABLES,
  ...instanceVariable('notifier'),
  opsPort: variable('NOTIFIER_OPS_PORT', port, { description: 'Where health and metrics are.', default: '27083' }),
  slackChannels: variable('SLACK_CHANNELS_FILE', slackChannelsFile, {
    description:
      'A JSON file with the Slack channels by name: incoming webhooks, and bots with token and channel id. Keep it as you keep a secret.',
  }),
  slackApiUrl: variable(
    'SLACK_API_URL',
    z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/$/, '')),
    {
      description: "Where Slack's Web API is.",
      default: 'https://slack.com/api',
    },
  ),
  slackAttempts: variable('SLACK_ATTEMPTS', integer({ min: 1, max: 1_000 }), {
    // With the base below the last one comes after about a minute on average, two at most.
    description: 'How often a message to Slack is tried before it becomes a dead letter.',
    default: '8',
  }),
  slackRetryBaseMs: variable('SLACK_RETRY_BASE_MS', integer({ min: 1, max: 600_000 }), {
    description:
      'The longest wait after the first failed try; it doubles with each try, up to 10 minutes, and the wait is uniform below it. Milliseconds.',
    default: '1000',
  }),
  egressAllow: variable('EGRESS_ALLOW', origins, {
    description: 'Origins (scheme://host:port, commas between) that may be called although they are http, an address, or private.',
    default: '',
  }),
} as const;

export type NotifierConfig = ConfigOf<typeof NOTIFIER_VARIABLES>;

/** Plain http has a local peer at its end, or a secret on the wire. */
export const NOTIFIER_RELATIONS: readonly Relation<NotifierConfig>[] = [
  ...BROKER_RELATIONS,
  {
    of: ['EGRESS_ALLOW', 'VISAPI_ENV'],
    expected: 'only https where VISAPI_ENV is production',
    holds: ({ env, egressAllow }) => env !== 'production' || !egressAllow.some((origin) => origin.startsWith('http:')),
  },
  {
    of: ['SLACK_API_URL', 'VISAPI_ENV'],
    expected: 'https where VISAPI_ENV is production',
    holds: ({ env, slackApiUrl }) => env !== 'production' || slackApiUrl.startsWith('https:'),
  },
];

/** Reads the environment and the flags; throws `invalid_config` with all problems. */
export function readNotifierConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  argv: readonly string[] = process.argv,
): NotifierConfig {
  return parseConfig(NOTIFIER_VARIABLES, withFlags(environment, argv, COMMON_FLAGS), { relations: NOTIFIER_RELATIONS });
}
