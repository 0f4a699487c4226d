import { findBlockErrors } from './block-kit.ts';

/** Longest text of a message. Slack cuts what is longer; the sink refuses it, so that it is noticed. */
const MAX_TEXT = 40_000;
/** docs.slack.dev/reference/methods/chat.postMessage, `too_many_attachments`. */
const MAX_ATTACHMENTS = 100;

/** A message's payload, after what Slack checks on it. `error` is Slack's code. */
export type JudgedPayload =
  | { readonly kind: 'message'; readonly text: string; readonly attachments: readonly unknown[]; readonly body: Record<string, unknown> }
  | { readonly kind: 'error'; readonly error: string; readonly details: readonly string[] };

/** Checks a payload that both doors have in common: text, blocks, attachments. */
export function judgePayload(body: Record<string, unknown>): JudgedPayload {
  const { text, blocks, attachments } = body;
  if (text !== undefined && typeof text !== 'string')
    return error('invalid_arguments', 'expected text to be a string [json-pointer:/text]');
  if (attachments !== undefined && !Array.isArray(attachments))
    return error('invalid_attachments', 'expected an array [json-pointer:/attachments]');
  if ((attachments?.length ?? 0) > MAX_ATTACHMENTS) return error('too_many_attachments');
  if (blocks !== undefined) {
    if (!Array.isArray(blocks)) return error('invalid_blocks_format', 'expected an array [json-pointer:/blocks]');
    const errors = findBlockErrors(blocks);
    if (errors.length > 0) return { kind: 'error', error: 'invalid_blocks', details: errors };
  }
  if ((text === undefined || text.trim() === '') && isEmpty(blocks) && isEmpty(attachments)) return error('no_text');
  if (text !== undefined && text.length > MAX_TEXT) return error('msg_too_long');
  return { kind: 'message', text: text ?? '', attachments: attachments ?? [], body };
}

function isEmpty(list: unknown[] | undefined): boolean {
  return list === undefined || list.length === 0;
}

function error(code: string, ...details: string[]): JudgedPayload {
  return { kind: 'error', error: code, details };
}
