import type { EgressRequest } from '../../../lib/egress/egress.ts';
import type { SlackChannel } from './channels.ts';
import type { SlackCommand } from './command.ts';

/**
 * The request of one message, as docs.slack.dev has it: the webhook's URL is its credential; `chat.postMessage` takes a
 * bearer token and JSON whose charset is named.
 *
 * Slack deduplicates nothing for an app: `client_msg_id` belongs to its own clients and must not be relied on
 * (slackapi/java-slack-sdk issue 852). The idempotency key is sent all the same: as a header, and, where it is kept and can be read back, in the
 * message's metadata, so that a person can tell whether a message of unknown fate was posted.
 */
export function buildSlackRequest(
  channel: SlackChannel,
  command: SlackCommand,
  options: { apiUrl: string; idempotencyKey: string; signal: AbortSignal },
): EgressRequest {
  const { apiUrl, idempotencyKey, signal } = options;
  const content = { text: command.text, ...(command.blocks === undefined ? {} : { blocks: command.blocks }) };
  const headers = { 'content-type': 'application/json; charset=utf-8', 'idempotency-key': idempotencyKey };
  switch (channel.kind) {
    case 'incoming-webhook':
      return { url: channel.url.reveal(), method: 'POST', headers, body: JSON.stringify(content), signal };
    case 'bot': {
      const metadata = { event_type: 'visapi_effect', event_payload: { idempotency_key: idempotencyKey } };
      return {
        url: `${apiUrl}/chat.postMessage`,
        method: 'POST',
        headers: { ...headers, authorization: `Bearer ${channel.token.reveal()}` },
        body: JSON.stringify({ channel: channel.channelId, ...content, metadata }),
        signal,
      };
    }
  }
}
