import { ERROR_CODES } from '../core/error-codes.ts';

/**
 * The page that a problem's `type` leads to, with an anchor for each code: what docs/errors.md says, for whoever has the answer and not
 * the project. It links nowhere, because the server has no other page of it.
 */
export function errorsPage(): string {
  const sections = Object.entries(ERROR_CODES).map(
    ([code, { status, retryable, title, cause, remedy }]) => `<h2 id="${code}">${code}</h2>
<p>${html(title)}. HTTP status ${status}; the same request ${retryable ? 'may succeed later' : 'will not succeed later'}.</p>
<ul><li><b>Cause</b>: ${html(cause)}</li><li><b>What to do</b>: ${html(remedy)}</li></ul>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>VisAPI: errors</title></head><body>
<h1>Errors</h1>
<p>An error has one code, in an answer (problem details, RFC 9457), in a log line and in <code>--json</code>. A code never changes its meaning.</p>
${sections.join('\n')}
</body></html>
`;
}

/** The little Markdown that the codes' texts have. */
function html(markdown: string): string {
  return markdown
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/`([^`]*)`/g, '<code>$1</code>')
    .replaceAll(
      /\[([^\]]*)\]\((?:\.\.\/)?([^)]*)\)/g,
      (_link, text: string, path: string) => `${text} (${path.includes('/') ? '' : 'docs/'}${path})`,
    );
}
