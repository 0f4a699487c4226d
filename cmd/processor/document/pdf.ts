/** The moment that every document says it was made at: the same page gives the same bytes, and so the same document. */
const FIXED_DATE = "D:20000101000000+00'00'";

/** How many pages a PDF has that Chromium made: the root of its page tree counts them all (ISO 32000-1, 7.7.3.2). 0 where it has no tree. */
export function countPages(pdf: Buffer): number {
  const text = pdf.toString('latin1');
  const counts = [...text.matchAll(/\/Type\s*\/Pages\b[^>]*?\/Count\s+(\d+)|\/Count\s+(\d+)[^>]*?\/Type\s*\/Pages\b/g)];
  return counts.reduce((most, [, behind, before]) => Math.max(most, Number(behind ?? before)), 0);
}

/** Takes the time of its making out of a PDF, in place: each date keeps its length, so no offset moves. */
export function withoutDates(pdf: Buffer): Buffer {
  for (const name of ['/CreationDate (', '/ModDate (']) {
    for (let at = pdf.indexOf(name); at !== -1; at = pdf.indexOf(name, at + 1)) {
      const start = at + name.length;
      if (pdf.indexOf(')', start) === start + FIXED_DATE.length) pdf.write(FIXED_DATE, start, 'latin1');
    }
  }
  return pdf;
}
