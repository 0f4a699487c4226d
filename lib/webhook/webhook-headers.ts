/** A request's headers as they came. Joined or chosen values would hide that a header was sent twice. */
export interface WebhookHeaders {
  /** `name` in lower case. */
  one(name: string): OneHeader;
}

export type OneHeader = { readonly kind: 'missing' } | { readonly kind: 'several' } | { readonly kind: 'one'; readonly value: string };

/** From Node's `rawHeaders`: name, value, name, value ... */
export function headersFromRaw(rawHeaders: readonly string[]): WebhookHeaders {
  return {
    one(name) {
      let found: string | undefined;
      for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
        const raw = rawHeaders[index] ?? '';
        // Nearly all differ in length already, which costs nothing to see.
        if (raw.length !== name.length || raw.toLowerCase() !== name) continue;
        if (found !== undefined) return { kind: 'several' };
        found = rawHeaders[index + 1] ?? '';
      }
      return found === undefined ? { kind: 'missing' } : { kind: 'one', value: found };
    },
  };
}

/** From a record with names in lower case. */
export function headersFromRecord(record: Readonly<Record<string, string>>): WebhookHeaders {
  return headersFromRaw(Object.entries(record).flat());
}

/** The value where the header was sent once. */
export function headerValue(headers: WebhookHeaders, name: string): string | undefined {
  const given = headers.one(name);
  return given.kind === 'one' ? given.value : undefined;
}
