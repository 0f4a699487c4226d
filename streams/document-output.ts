/** The output of a `document.render` step: `steps.<id>.output`. What attaches a document names its `documentId`. */
export interface DocumentOutput {
  /** Its name in the documents' bucket: the SHA-256 of its bytes. */
  readonly documentId: string;
  /** The same, under the name that those look for who check a file. */
  readonly sha256: string;
  readonly bytes: number;
  readonly pages: number;
  /** What to call it where it is saved or attached; ends in `.pdf`. */
  readonly filename: string;
  readonly contentType: 'application/pdf';
  /** A signed link to it, which expires. */
  readonly url: string;
}
