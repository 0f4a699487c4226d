import { z } from 'zod';
import { Secret } from '../../../lib/core/secret.ts';

/** A place to post to, and the credential for it. */
export type SlackChannel =
  | {
      readonly name: string;
      readonly kind: 'incoming-webhook';
      /** Whoever has it can post. */
      readonly url: Secret;
    }
  | {
      readonly name: string;
      readonly kind: 'bot';
      readonly token: Secret;
      readonly channelId: string;
    };

export interface SlackChannels {
  readonly size: number;
  /** By its name, or by its id where it is a bot's. */
  find(nameOrId: string): SlackChannel | undefined;
}

const channelSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('incoming-webhook'), url: z.url({ protocol: /^https?$/ }) }),
  z.strictObject({ kind: z.literal('bot'), token: z.string().regex(/^[\x21-\x7e]+$/, 'expected a token'), channelId: z.string().min(1) }),
]);

const channelsSchema = z.record(z.string().min(1).max(80), channelSchema);

/**
 * Reads the channels' file:
 *
 *     { "#releases": { "kind": "incoming-webhook", "url": "https://hooks.slack.com/services/..." },
 *       "#alerts":   { "kind": "bot", "token": "xoxb-...", "channelId": "C0123456789" } }
 *
 * Throws a `TypeError` that names every mistake and repeats no value: they are credentials.
 */
export function parseSlackChannels(text: string): SlackChannels {
  const parsed = channelsSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'file'}: ${issue.code}${issue.code === 'unrecognized_keys' ? '' : `, ${issue.message}`}`,
    );
    throw new TypeError(`Slack channels: ${problems.join('; ')}`);
  }
  const channels = Object.entries(parsed.data).map(([name, channel]): SlackChannel =>
    channel.kind === 'bot'
      ? { name, kind: 'bot', token: new Secret(channel.token), channelId: channel.channelId }
      : { name, kind: 'incoming-webhook', url: new Secret(channel.url) },
  );
  return {
    size: channels.length,
    find: (nameOrId) =>
      channels.find(({ name }) => name === nameOrId) ??
      channels.find((channel) => channel.kind === 'bot' && channel.channelId === nameOrId),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message would quote the file.
    throw new TypeError('Slack channels: expected JSON');
  }
}
