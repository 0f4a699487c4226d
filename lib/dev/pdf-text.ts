import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';

/** What a reader of a PDF sees of its text. */
export interface PdfText {
  readonly pages: number;
  /** Line by line, in the order of reading. */
  readonly text: string;
}

/** Reads a PDF as a reader's program does (pdf.js, which Firefox shows PDFs with). @throws where it is none */
export async function readPdfText(pdf: Uint8Array): Promise<PdfText> {
  const task = getDocument({ data: new Uint8Array(pdf), verbosity: 0, useSystemFonts: true });
  try {
    const document = await task.promise;
    const texts: string[] = [];
    for (let number = 1; number <= document.numPages; number++) {
      const { items } = await (await document.getPage(number)).getTextContent();
      texts.push(items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join(''));
    }
    return { pages: document.numPages, text: texts.join('\n') };
  } finally {
    await task.destroy();
  }
}
