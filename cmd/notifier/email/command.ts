import { z } from 'zod';
import { jsonInput } from '../../../lib/actor/json-input.ts';
import { parseEmailAddress } from '../../../lib/core/email-address.ts';
import { OBJECT_ID } from '../../../lib/jetstream/object-store.ts';

/** Longest subject that is taken; a mail program shows a tenth of it. Characters. */
const MAX_SUBJECT = 500;
const MAX_NAME = 200;
const MAX_ATTACHMENTS = 10;

/**
 * What may stand in a header: one line without control characters. A line break would end the header and begin another one, and all
 * that a template fills in is somebody else's text, so it is refused here, before anything encodes or folds it.
 */
const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'expected one line without control characters')
    .refine((text) => text.isWellFormed(), 'expected text, got half a character');

const address = z.string().transform((text, context) => {
  const parsed = parseEmailAddress(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'expected one e-mail address, as name@example.org' });
  return z.NEVER;
});

const attachment = z.object({
  document: z.string().regex(OBJECT_ID, "expected a document's id"),
  filename: line(MAX_NAME).regex(/^[^/\\]+$/, 'expected a file name without a path'),
});

/** What the body of an `email.send` command says. */
const emailCommand = z
  .object({
    to: address,
    'to-name': line(MAX_NAME).optional(),
    subject: line(MAX_SUBJECT),
    text: z.string().min(1).optional(),
    html: z.string().min(1).optional(),
    'reply-to': address.optional(),
    attachments: z.array(attachment).max(MAX_ATTACHMENTS).default([]),
    /** What to do when nobody knows whether it was sent. (Default: hold, as these are messages to customers) */
    onUnknown: z.enum(['hold', 'repeat']).default('hold'),
  })
  .refine(({ text, html }) => text !== undefined || html !== undefined, 'expected text, html or both');

export type EmailCommand = z.infer<typeof emailCommand>;

/** Reads a command; throws `InvalidInput` with the path of what does not fit, and never the text itself. */
export const readEmailCommand = jsonInput(emailCommand);
