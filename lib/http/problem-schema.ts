import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../core/error-codes.ts';
import { PROBLEM_TYPE } from './problem.ts';

/** What a problem looks like, for the API's document. */
export const problemSchema = z
  .strictObject({
    type: z.string().describe("The code's part of the page on errors."),
    title: z.string(),
    status: z.int().min(400).max(599),
    code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]).describe('Stable: look at this, not at the title.'),
    detail: z.string().optional().describe('What was expected, in words.'),
    errors: z
      .array(
        z.strictObject({
          detail: z.string(),
          pointer: z.string().optional().describe('The place in the body: JSON Pointer (RFC 6901).'),
          offset: z.int().min(0).optional().describe('The place in the body, in bytes.'),
          header: z.string().optional().describe('The header.'),
        }),
      )
      .max(100)
      .optional()
      .describe('Every mistake with its place.'),
  })
  .describe('Problem details (RFC 9457).');

export const PROBLEM_REF = { $ref: 'Problem#' } as const;

/** Fires before any route of the server: they belong to every operation. */
const EVERYWHERE = ['bad_request', 'timeout', 'too_many_requests', 'headers_too_large', 'internal', 'not_accepting'] as const;

/** The problems that an operation can answer with, by status; those that any operation can are added. */
export function problemResponses(codes: readonly ErrorCode[]): Record<string, object> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...codes, ...EVERYWHERE]) {
    const { status } = ERROR_CODES[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, its]) => [status, problemResponse(status, its)]));
}

function problemResponse(status: number, codes: readonly ErrorCode[]) {
  const headers: Record<string, object> = {};
  if (status === 429 || status === 503) headers['retry-after'] = { type: 'string', pattern: '^[0-9]+$', description: 'Seconds.' };
  if (status === 401 || status === 403) headers['www-authenticate'] = { type: 'string', description: 'What would be believed.' };
  return {
    description: codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].title}.`).join(' '),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    content: { [PROBLEM_TYPE]: { schema: PROBLEM_REF } },
  };
}
