import { z } from 'zod';
import { parseEmailAddress } from '../core/email-address.ts';

/** What a step can use, as data: which actor does it and what it is told. */
export interface StepType {
  /** The actor that the command goes to. */
  readonly actor: string;
  /** The form of `with`. Every string in it is a template. */
  readonly with: z.ZodObject;
  /** What to do when nobody knows whether it happened, where the step does not say. */
  readonly onUnknown: 'hold' | 'repeat';
}

export const STEP_TYPES: Readonly<Record<string, StepType>> = {
  'slack.send': {
    actor: 'slack',
    with: z.strictObject({
      /** `#name` or a channel's id. */
      channel: z.string().min(1).max(80),
      /** The message, and the notification where there are blocks. At most 40,000 characters (docs.slack.dev, chat.postMessage). */
      text: z.string().min(1).max(40_000),
      /** Block Kit blocks, at most 50 (docs.slack.dev, Block Kit reference). */
      blocks: z
        .array(z.looseObject({ type: z.string().min(1) }))
        .min(1)
        .max(50)
        .optional(),
    }),
    // An alert to a team: two are better than none.
    onUnknown: 'repeat',
  },
  'document.render': {
    actor: 'document',
    with: z.strictObject({
      /** The name of a template in the templates' folder, without its ending. */
      template: z.string().min(1).max(64),
      /** What the template reads. A list travels as text: `"{{ event.data.items | json }}"`, and `from_json` in the template. */
      data: z.record(z.string(), z.unknown()).optional(),
      /** BCP 47, as `he` or `de-AT`: the template's words, its numbers and dates, the direction of its text. (Default: en) */
      locale: z.string().min(1).max(1_000).optional(),
      /** What the file is called where it is saved or attached. (Default: the template's name and `.pdf`) */
      filename: z.string().min(1).max(1_000).optional(),
    }),
    // A page that is rendered twice is stored once.
    onUnknown: 'repeat',
  },
  'email.send': {
    actor: 'email',
    with: z
      .strictObject({
        /** One address, nothing around it: each recipient is a step of its own, so that each has a fate of its own. */
        to: z
          .string()
          .min(1)
          .max(1_000)
          .refine(
            (text) => text.includes('{') || parseEmailAddress(text) !== undefined,
            'expected one e-mail address, as name@example.org',
          ),
        /** The recipient's name, as it is shown. */
        'to-name': z.string().min(1).max(1_000).optional(),
        /** One line. */
        subject: z.string().min(1).max(1_000),
        /** The mail as plain text. (Default: made of `html`) */
        text: z.string().min(1).max(50_000).optional(),
        /** The mail as HTML; put `| escape` behind every value. At least one of text and html has to be there. */
        html: z.string().min(1).max(50_000).optional(),
        /** Where an answer goes. (Default: the sender) */
        'reply-to': z.string().min(1).max(1_000).optional(),
        /** Rendered documents: `document` is a `steps.<id>.output.documentId`. */
        attachments: z
          .array(z.strictObject({ document: z.string().min(1).max(1_000), filename: z.string().min(1).max(1_000) }))
          .min(1)
          .max(10)
          .optional(),
      })
      .refine((told) => told.text !== undefined || told.html !== undefined, 'expected text, html or both, got none'),
    // A customer: whoever got it twice has it twice. A person, or the provider's word, decides.
    onUnknown: 'hold',
  },
};
