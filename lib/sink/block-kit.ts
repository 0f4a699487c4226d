import { z } from 'zod';

/*
 * Block Kit as its reference documents it (docs.slack.dev/reference/block-kit), as far as messages of ours use it: what a block must have
 * and how long it may be. An unknown property is an error, as it is at Slack. Rich text, video, file and table are checked by
 * their outermost form only.
 */

const blockId = z.string().max(255).optional();
const text = (max: number) => z.string().min(1).max(max);

const plainText = (max: number) => z.strictObject({ type: z.literal('plain_text'), text: text(max), emoji: z.boolean().optional() });
const mrkdwn = (max: number) => z.strictObject({ type: z.literal('mrkdwn'), text: text(max), verbatim: z.boolean().optional() });
const anyText = (max: number) => z.discriminatedUnion('type', [plainText(max), mrkdwn(max)]);

const button = z.strictObject({
  type: z.literal('button'),
  text: plainText(75),
  action_id: z.string().max(255).optional(),
  url: z.string().max(3_000).optional(),
  value: z.string().max(2_000).optional(),
  style: z.enum(['primary', 'danger']).optional(),
  confirm: z.looseObject({}).optional(),
  accessibility_label: z.string().max(75).optional(),
});

const slackFile = z.strictObject({ id: z.string().optional(), url: z.string().optional() });
const imageSource = {
  image_url: z
    .url({ protocol: /^https?$/ })
    .max(3_000)
    .optional(),
  slack_file: slackFile.optional(),
};
const hasSource = (image: { image_url?: unknown; slack_file?: unknown }): boolean =>
  (image.image_url === undefined) !== (image.slack_file === undefined);
const SOURCE = 'expected one of image_url and slack_file';

const imageElement = z.strictObject({ type: z.literal('image'), alt_text: text(2_000), ...imageSource }).refine(hasSource, SOURCE);

const BLOCKS = [
  z
    .strictObject({
      type: z.literal('section'),
      block_id: blockId,
      text: anyText(3_000).optional(),
      fields: z.array(anyText(2_000)).min(1).max(10).optional(),
      accessory: z.union([button, imageElement]).optional(),
      expand: z.boolean().optional(),
    })
    .refine((block) => block.text !== undefined || block.fields !== undefined, 'expected text or fields'),
  z.strictObject({ type: z.literal('header'), block_id: blockId, text: plainText(150) }),
  z.strictObject({ type: z.literal('divider'), block_id: blockId }),
  z.strictObject({
    type: z.literal('context'),
    block_id: blockId,
    elements: z
      .array(z.union([plainText(3_000), mrkdwn(3_000), imageElement]))
      .min(1)
      .max(10),
  }),
  z.strictObject({ type: z.literal('actions'), block_id: blockId, elements: z.array(button).min(1).max(25) }),
  z
    .strictObject({
      type: z.literal('image'),
      block_id: blockId,
      alt_text: text(2_000),
      title: plainText(2_000).optional(),
      ...imageSource,
    })
    .refine(hasSource, SOURCE),
  z.strictObject({ type: z.literal('markdown'), block_id: blockId, text: text(12_000) }),
  z.strictObject({
    type: z.literal('rich_text'),
    block_id: blockId,
    elements: z.array(
      z.looseObject({
        type: z.enum(['rich_text_section', 'rich_text_list', 'rich_text_preformatted', 'rich_text_quote']),
        elements: z.array(z.looseObject({ type: z.string() })),
      }),
    ),
  }),
  z.looseObject({ type: z.enum(['video', 'file', 'table']), block_id: blockId }),
] as const;

const messageBlocks = z
  .array(z.discriminatedUnion('type', BLOCKS))
  // Home tabs and modals may have 100.
  .max(50)
  .refine((blocks) => {
    const ids = blocks.flatMap((block) => (block.block_id === undefined ? [] : [block.block_id]));
    return new Set(ids).size === ids.length;
  }, 'expected every block_id once');

/** What is wrong with a message's blocks, each with its JSON pointer, as Slack's `errors` has it. Empty: nothing. */
export function findBlockErrors(blocks: unknown): string[] {
  const parsed = messageBlocks.safeParse(blocks);
  if (parsed.success) return [];
  return parsed.error.issues.map(
    (issue) => `${issue.message} [json-pointer:/blocks${issue.path.map((part) => `/${String(part)}`).join('')}]`,
  );
}
