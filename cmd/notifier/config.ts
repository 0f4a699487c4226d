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
import {
  type ConfigOf,
  integer,
  optional,
  optionalSecret,
  parseConfig,
  port,
  type Relation,
  text,
  variable,
  withFlags,
} from '../../lib/config/config.ts';
import { parseAllowedOrigin } from '../../lib/egress/destination.ts';
import { parseSender } from './email/sender.ts';
import { parseSmtpUrl } from './email/smtp-server.ts';
import { parseSlackChannels } from './slack/channels.ts';

/** Origins with commas between them; none is fine. */
const origins = read((value) =>
  value
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '')
    .map(parseAllowedOrigin),
);

/** The path of a channels' file, read at once: its mistakes are mistakes of the configuration. */
const slackChannelsFile = read((path) => parseSlackChannels(readFileSync(path, 'utf8')));

/** What a function makes of a text, its `TypeError` being the problem. */
function read<Value>(parse: (text: string) => Value): z.ZodType<Value> {
  return z.string().transform((value, context) => {
    try {
      return parse(value);
    } catch (error) {
      return refuse(context, error);
    }
  });
}

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
    // With the base below the last one comes after about an hour on average, two at most: most of Slack's outages are shorter.
    description: 'How often a message to Slack is tried before it becomes a dead letter.',
    default: '20',
  }),
  slackRetryBaseMs: variable('SLACK_RETRY_BASE_MS', integer({ min: 1, max: 600_000 }), {
    description:
      'The longest wait after the first failed try; it doubles with each try, up to 10 minutes, and the wait is uniform below it. Milliseconds.',
    default: '1000',
  }),
  smtpServer: optional('SMTP_URL', read(parseSmtpUrl), {
    description:
      'The mail server for e-mails: smtps://host:465 (TLS at once) or smtp://host:587 (STARTTLS). Without it e-mails wait until there is one.',
  }),
  smtpTls: variable('SMTP_TLS', z.enum(['required', 'none']), {
    description: 'none: e-mails and the password go as plain text, which is for a local peer.',
    default: 'required',
  }),
  smtpUser: optional('SMTP_USER', text, { description: 'The user at the mail server.' }),
  smtpPassword: optionalSecret('SMTP_PASSWORD', { description: "The user's password at the mail server." }),
  smtpFrom: optional('SMTP_FROM', read(parseSender), {
    description: 'Who e-mails are from, as name@example.org or Name <name@example.org>; the server has to allow it.',
  }),
  emailAttempts: variable('EMAIL_ATTEMPTS', integer({ min: 1, max: 1_000 }), {
    // With the base below the last one comes after about two and a half hours on average.
    description: 'How often an e-mail is tried before it becomes a dead letter.',
    default: '12',
  }),
  emailRetryBaseMs: variable('EMAIL_RETRY_BASE_MS', integer({ min: 1, max: 1_800_000 }), {
    description: 'As SLACK_RETRY_BASE_MS, up to 30 minutes. Milliseconds.',
    default: '30000',
  }),
  egressAllow: variable('EGRESS_ALLOW', origins, {
    description:
      'Origins (scheme://host:port, commas between) that may be called although they are http, an address, or private. Mail servers are smtp://host:port, and need it also for a port that is not 465 or 587.',
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
  {
    of: ['SMTP_TLS', 'VISAPI_ENV'],
    expected: 'required where VISAPI_ENV is production',
    holds: ({ env, smtpTls }) => env !== 'production' || smtpTls === 'required',
  },
  {
    of: ['SMTP_FROM', 'SMTP_URL'],
    expected: 'a sender where SMTP_URL is set',
    holds: ({ smtpServer, smtpFrom }) => smtpServer === undefined || smtpFrom !== undefined,
  },
  {
    of: ['SMTP_PASSWORD', 'SMTP_USER'],
    expected: 'both or none of SMTP_USER and SMTP_PASSWORD',
    holds: ({ smtpUser, smtpPassword }) => (smtpUser === undefined) === (smtpPassword === undefined),
  },
];

/** Reads the environment and the flags; throws `invalid_config` with all problems. */
export function readNotifierConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  argv: readonly string[] = process.argv,
): NotifierConfig {
  return parseConfig(NOTIFIER_VARIABLES, withFlags(environment, argv, COMMON_FLAGS), { relations: NOTIFIER_RELATIONS });
}
