/** The name or text that a string stands for. `node` has to be a string of these bytes. */
export function textOf(bytes: Uint8Array, node: { readonly start: number; readonly end: number }): string {
  const text = utf8(bytes, node.start + 1, node.end - 1);
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}

function utf8(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
