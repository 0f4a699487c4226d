import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findBlockErrors } from './block-kit.ts';

const plain = (text: string) => ({ type: 'plain_text', text });
const mrkdwn = (text: string) => ({ type: 'mrkdwn', text });
const button = { type: 'button', text: plain('Open'), url: 'https://example.com', action_id: 'open', style: 'primary' };
const image = { type: 'image', image_url: 'https://example.com/a.png', alt_text: 'a' };

test('the documented blocks fit', () => {
  const blocks = [
    { type: 'header', text: plain('x'.repeat(150)) },
    { type: 'section', block_id: 'a', text: mrkdwn('*x*'.repeat(1_000)), accessory: button },
    { type: 'section', fields: [mrkdwn('a'), plain('b')] },
    { type: 'divider' },
    { type: 'context', elements: [image, mrkdwn('by me')] },
    { type: 'actions', elements: [button] },
    { ...image, title: plain('t') },
    { type: 'markdown', text: '# x' },
    { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'x', style: { bold: true } }] }] },
  ];
  assert.deepEqual(findBlockErrors(blocks), []);
  assert.deepEqual(findBlockErrors(Array.from({ length: 50 }, () => ({ type: 'divider' }))), []);
});

test('what does not fit is found, with its place', () => {
  const wrong: [unknown, RegExp][] = [
    [[{ type: 'nope' }], /json-pointer:\/blocks\/0\/type\]/],
    [[{ text: plain('x') }], /json-pointer:\/blocks\/0\/type\]/],
    [['text'], /json-pointer:\/blocks\/0\]/],
    [Array.from({ length: 51 }, () => ({ type: 'divider' })), /json-pointer:\/blocks\]/],
    [[{ type: 'section' }], /expected text or fields/],
    [[{ type: 'section', text: 'x' }], /\/blocks\/0\/text\]/],
    [[{ type: 'section', text: plain('') }], /\/blocks\/0\/text\/text\]/],
    [[{ type: 'section', text: mrkdwn('x'.repeat(3_001)) }], /\/blocks\/0\/text\/text\]/],
    [[{ type: 'section', text: plain('x'), colour: 'red' }], /colour/],
    [[{ type: 'section', fields: [] }], /\/fields\]/],
    [[{ type: 'section', fields: Array.from({ length: 11 }, () => plain('x')) }], /\/fields\]/],
    [[{ type: 'section', fields: [plain('x'.repeat(2_001))] }], /\/fields\/0\/text\]/],
    [[{ type: 'header', text: plain('x'.repeat(151)) }], /\/text\/text\]/],
    [[{ type: 'header', text: mrkdwn('x') }], /\/text\/type\]/],
    [[{ type: 'context', elements: Array.from({ length: 11 }, () => plain('x')) }], /\/elements\]/],
    [[{ type: 'actions', elements: Array.from({ length: 26 }, () => button) }], /\/elements\]/],
    [[{ type: 'actions', elements: [{ ...button, text: plain('x'.repeat(76)) }] }], /\/elements\/0\/text\/text\]/],
    [[{ type: 'image', alt_text: 'a' }], /image_url and slack_file/],
    [[{ type: 'image', alt_text: 'a', image_url: 'javascript:x' }], /image_url\]/],
    [[{ type: 'rich_text', elements: [{ type: 'text', text: 'x' }] }], /\/elements\/0\/type\]/],
    [
      [
        { type: 'divider', block_id: 'a' },
        { type: 'divider', block_id: 'a' },
      ],
      /block_id once/,
    ],
  ];
  for (const [blocks, expected] of wrong) assert.match(findBlockErrors(blocks).join('\n'), expected, JSON.stringify(blocks).slice(0, 120));
});
