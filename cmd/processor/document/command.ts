import { z } from 'zod';
import { jsonInput } from '../../../lib/actor/json-input.ts';

/** What the body of a `document.render` command says; the same as the step's `with`, rendered. */
const documentCommand = z.object({
  template: z.string().min(1).max(64),
  data: z.record(z.string(), z.unknown()).default({}),
  locale: z.string().min(1).max(35).optional(),
  filename: z.string().min(1).max(200).optional(),
});

export type DocumentCommand = z.infer<typeof documentCommand>;

/** Reads a command; throws `InvalidInput` with the path of what does not fit. */
export const readDocumentCommand = jsonInput(documentCommand);

/** Letters of every script, and what does no harm in a file's name or in a header. */
const NOT_IN_A_NAME = /[^\p{L}\p{M}\p{N} ._()#+-]/gu;

/** A name that every system can save: no folder, nothing hidden, `.pdf` at its end. */
export function pdfName(wanted: string): string {
  const name = wanted
    .normalize('NFC')
    .replace(/\.pdf$/i, '')
    .replaceAll(NOT_IN_A_NAME, '-')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/^[. -]+|[. -]+$/g, '')
    .slice(0, 150);
  return `${name === '' ? 'document' : name}.pdf`;
}
