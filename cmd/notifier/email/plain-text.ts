import { convert } from 'html-to-text';

/** The most of a mail that becomes text; a template's output is at most this long. Characters. */
const MAX_HTML = 100_000;

/** The text part of a mail that was written as HTML: paragraphs and lists as such, links behind their words, no pictures. */
export function htmlToPlainText(html: string): string {
  return convert(html, {
    // A long line is cut by whoever shows it; the wire's own limit is the encoding's business.
    wordwrap: false,
    limits: { maxInputLength: MAX_HTML, maxDepth: 100, maxChildNodes: 10_000 },
    selectors: [
      { selector: 'img', format: 'skip' },
      { selector: 'a', options: { hideLinkHrefIfSameAsText: true, ignoreHref: false } },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
      { selector: 'table', format: 'dataTable', options: { uppercaseHeaderCells: false } },
    ],
  });
}
