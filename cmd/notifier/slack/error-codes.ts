/**
 * What follows from each of Slack's error codes:
 * - `later`: Slack's flow control: it asks to come again later, which is no failure of this message
 * - `retry`: it may pass by itself
 * - `refused`: this message is not accepted, now or later
 * - `gone`: the channel is not there any more
 * - `person`: the message is fine, and will be sent once a person has mended the access; until then it waits
 */
export type SlackErrorMeaning = 'later' | 'retry' | 'refused' | 'gone' | 'person';

type Row = readonly [meaning: SlackErrorMeaning, why: string];

/**
 * By code, from docs.slack.dev: "chat.postMessage" (answered with `ok: false`) and "Sending messages using incoming
 * webhooks" (answered as plain text). A code that is not here is judged by its HTTP status.
 */
export const SLACK_ERRORS: Readonly<Record<string, Row>> = {
  ratelimited: ['later', 'too many requests; Retry-After says how long'],
  rate_limited: ['later', 'too many messages; about one per second and channel'],
  message_limit_exceeded: ['retry', "the workspace's own limit"],
  fatal_error: ['retry', 'Slack says that a part of it may have succeeded; it still names it a failure'],
  internal_error: ['retry', 'as fatal_error, and likely to pass'],
  rollup_error: ['retry', "a webhook's internal error"],
  service_unavailable: ['retry', 'Slack is down'],
  request_timeout: ['retry', 'the request arrived cut, so it was not worked on'],
  team_added_to_org: ['retry', 'the workspace is being migrated; intermittent'],

  no_text: ['refused', 'neither text nor blocks'],
  invalid_payload: ['refused', 'Slack cannot read it'],
  invalid_json: ['refused', 'Slack cannot read it'],
  json_not_object: ['refused', 'Slack cannot read it'],
  invalid_arguments: ['refused', 'an argument does not fit'],
  invalid_arg_name: ['refused', 'an argument does not fit'],
  invalid_array_arg: ['refused', 'an argument does not fit'],
  invalid_charset: ['refused', 'the request is not as documented'],
  invalid_form_data: ['refused', 'the request is not as documented'],
  invalid_post_type: ['refused', 'the request is not as documented'],
  missing_post_type: ['refused', 'the request is not as documented'],
  invalid_blocks: ['refused', 'a block does not fit its schema'],
  invalid_blocks_format: ['refused', 'the blocks are not a list of blocks'],
  invalid_attachments: ['refused', 'the attachments do not fit'],
  too_many_attachments: ['refused', 'more than 100'],
  attachment_payload_limit_exceeded: ['refused', 'too long'],
  msg_too_long: ['refused', 'too long'],
  msg_blocks_too_long: ['refused', 'too long'],
  markdown_text_conflict: ['refused', 'the arguments exclude each other'],
  metadata_too_large: ['refused', 'too long'],
  invalid_metadata_format: ['refused', 'the metadata does not fit'],
  invalid_metadata_schema: ['refused', 'the metadata does not fit'],
  restricted_action: ['refused', 'a preference of the workspace forbids it'],
  restricted_action_read_only_channel: ['refused', 'the channel is read-only'],
  restricted_action_thread_only_channel: ['refused', 'the channel takes replies only'],
  method_deprecated: ['refused', 'the method is gone'],
  deprecated_endpoint: ['refused', 'the method is gone'],

  channel_not_found: ['gone', 'no such channel, or a private one that the app is not in'],
  is_archived: ['gone', 'the channel is archived'],
  channel_is_archived: ['gone', 'the channel is archived'],
  user_not_found: ['gone', 'no such user'],

  not_authed: ['person', 'no token was configured'],
  invalid_auth: ['person', 'the token is wrong, or this address is not allowed to use it'],
  token_expired: ['person', 'the token has to be renewed'],
  token_revoked: ['person', 'the app was removed; install it again'],
  account_inactive: ['person', "the token's user or workspace was deactivated"],
  org_login_required: ['person', 'the workspace is being migrated; an administrator sees when'],
  two_factor_setup_required: ['person', 'the account needs a second factor'],
  missing_scope: ['person', 'the app needs the scope chat:write'],
  not_allowed_token_type: ['person', 'a bot token is needed'],
  no_permission: ['person', 'the app has to be a member of the channel'],
  not_in_channel: ['person', 'invite the app to the channel'],
  access_denied: ['person', 'an administrator has to allow it'],
  accesslimited: ['person', 'this network is not allowed'],
  ekm_access_denied: ['person', 'administrators have suspended posting'],
  team_access_not_granted: ['person', 'the token does not cover this workspace'],
  invalid_token: ['person', "the webhook's URL is no longer valid; make a new one"],
  no_service: ['person', 'the webhook was removed or disabled; make a new one'],
  no_service_id: ['person', 'the webhook was removed or disabled; make a new one'],
  no_active_hooks: ['person', 'the webhook is disabled'],
  no_team: ['person', 'the workspace is missing or inactive'],
  team_disabled: ['person', 'the workspace is disabled'],
  action_prohibited: ['person', 'an administrator restricted the webhook'],
  posting_to_general_channel_denied: ['person', 'an administrator restricted #general'],
};

/** For answers without a code that is known. Everything else from 300 to 499 is `refused`. */
export function meaningOfStatus(status: number): SlackErrorMeaning {
  if (status === 429) return 'later';
  if (status >= 500 || status === 408) return 'retry';
  if (status === 401 || status === 403) return 'person';
  return status === 404 || status === 410 ? 'gone' : 'refused';
}
