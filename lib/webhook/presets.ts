import type { SignatureScheme } from './signature.ts';

/** Where a value of the event is found: a header, or a path into the body ("repository.full_name"). */
export type Locator = { readonly header: string } | { readonly path: string };

/** A provider, as a row of data. */
export interface Preset {
  readonly signature: SignatureScheme;
  /** The answer to an accepted event, and to a duplicate of one. */
  readonly accepted: { readonly status: 200 | 202; readonly body: 'receipt' | 'empty' };
  /** The provider's id of the event; it makes a repeated delivery a duplicate. */
  readonly id: { readonly header: string };
  /** The parts of the type, joined by dots. The first must be there, or the type is `unknown`. */
  readonly type: readonly Locator[];
  /** The event's key; what is found first. Nothing found: the event is its own key, and has no order. */
  readonly key: readonly Locator[];
  /** When it happened, in Unix seconds, where the provider says so. */
  readonly time: { readonly header: string } | null;
}

/** https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
const github: Preset = {
  signature: {
    header: 'x-hub-signature-256',
    separator: null,
    prefix: 'sha256=',
    encoding: 'hex',
    signed: ['body'],
    key: 'utf8',
    // GitHub signs no time: a repeated delivery is known by its id.
    timestampHeader: null,
  },
  accepted: { status: 202, body: 'receipt' },
  id: { header: 'x-github-delivery' },
  type: [{ header: 'x-github-event' }, { path: 'action' }],
  key: [{ path: 'repository.full_name' }],
  time: null,
};

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, version 1.0.0 */
const standardWebhooks: Preset = {
  signature: {
    header: 'webhook-signature',
    separator: ' ',
    prefix: 'v1,',
    encoding: 'base64',
    signed: [{ header: 'webhook-id' }, { text: '.' }, { header: 'webhook-timestamp' }, { text: '.' }, 'body'],
    key: 'whsec',
    timestampHeader: 'webhook-timestamp',
  },
  accepted: { status: 202, body: 'receipt' },
  id: { header: 'webhook-id' },
  type: [{ path: 'type' }],
  key: [],
  time: { header: 'webhook-timestamp' },
};

export const PRESETS = { github, 'standard-webhooks': standardWebhooks } as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];
