import { ERROR_CODES } from '../../lib/core/error-codes.ts';

const HEAD = `# Errors

An error has one code, in an answer (problem details, RFC 9457; its \`type\` is \`/docs/errors.md#<code>\`), in a log line and in \`--json\`.
A code never changes its meaning. This page is written from \`lib/core/error-codes.ts\` by \`npm run docs\`.
`;

/** One section per code: what links to it is the \`type\` of an answer. */
export function errorsPage(): string {
  const sections = Object.entries(ERROR_CODES).map(
    ([code, { status, retryable, title, cause, remedy }]) => `## ${code}

${title}. HTTP status ${status}; the same request ${retryable ? 'may succeed later' : 'will not succeed later'}.

- **Cause**: ${cause}
- **What to do**: ${remedy}
`,
  );
  return [HEAD, ...sections].join('\n');
}
