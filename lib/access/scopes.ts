/** What an API key may do, in one place: every route names one of these, and every key lists some. */
export const SCOPES = {
  'events:write': 'Send events: POST /v1/events and /v1/events/batch',
} as const satisfies Record<string, string>;

export type Scope = keyof typeof SCOPES;

export const SCOPE_NAMES = Object.keys(SCOPES) as Scope[];
