/** The moment that every document says it was made at: the same page gives the same bytes, and so the same document. */
const FIXED_DATE = "D:20000101000000+00'00'";

/** How many pages a PDF has that Chromium made: the root of its page tree counts them all (ISO 32000-1, 7.7.3.2). 0 where it has no tree. */
export function countPages(pdf: Buffer): number {
  const text = pdf.toString('latin1');
  const counts = [...text.matchAll(/\/Type\s*\/Pages\b[^>]*?\/Count\s+(\d+)|\/Count\s+(\d+)[^>]*?\/Type\s*\/Pages\b/g)];
  return counts.reduce((most, [, behind, before]) => Math.max(most, Number(behind ?? before)), 0);
}

/** Takes out what differs from one printing of a page to the next, in place: nothing changes its length, so no offset moves. */
export function withoutChance(pdf: Buffer): Buffer {
  return withoutNodeNumbers(withoutDates(pdf));
}

/**
 * Gives the parts of a tagged PDF their numbers anew, from 1: Chromium names them after the nodes of the page, and goes on counting
 * over all documents of a process. Their order, in which the PDF sorts them, stays.
 */
function withoutNodeNumbers(pdf: Buffer): Buffer {
  const places = [...pdf.toString('latin1').matchAll(/(?<=(?<!\\)\(node)\d{8}(?=\))/g)];
  const numbers = [...new Set(places.map(([number]) => number))].toSorted();
  const anew = new Map(numbers.map((number, at) => [number, `${at + 1}`.padStart(8, '0')]));
  for (const { 0: number, index } of places) pdf.write(anew.get(number) ?? number, index, 'latin1');
  return pdf;
}

/** Takes the time of its making out of a PDF. */
function withoutDates(pdf: Buffer): Buffer {
  for (const name of ['/CreationDate (', '/ModDate (']) {
    for (let at = pdf.indexOf(name); at !== -1; at = pdf.indexOf(name, at + 1)) {
      const start = at + name.length;
      if (pdf.indexOf(')', start) === start + FIXED_DATE.length) pdf.write(FIXED_DATE, start, 'latin1');
    }
  }
  return pdf;
}
