import type { CredentialScheme } from './credential.ts';
import { TOLERANCE_SECONDS } from './signature.ts';
import type { SignatureScheme } from './signature.ts';
import type { Scheme } from './verifier.ts';

/** Where a value of the event is found: a header, or a path into the body ("repository.full_name"). */
export type Locator = { readonly header: string } | { readonly path: string };

/** A provider, as a row of data. */
export interface Preset {
  /** How its requests are verified; null where every source says it itself, by its options. */
  readonly scheme: Scheme | null;
  /** Whether a source of this preset may declare other content types than these. */
  readonly contentTypes: { readonly are: readonly string[]; readonly mayDiffer: boolean };
  /** The answer to an accepted event, and to a duplicate of one. */
  readonly accepted: { readonly status: 200 | 202; readonly body: 'receipt' | 'empty' };
  /** The provider's id of the event; it makes a repeated delivery a duplicate. Null: it has none. */
  readonly id: Locator | null;
  /** Ways to find the type, the first that fits: parts, joined by dots, of which the first must be there. None fits: `unknown`. */
  readonly type: readonly (readonly Locator[])[];
  /** The event's key; what is found first. Nothing found: the event is its own key, and has no order. */
  readonly key: readonly Locator[];
  /** When it happened, in Unix seconds, where the provider says so. */
  readonly time: Locator | null;
  /** A genuine request that is no event, and what it is answered with; null where the provider sends none. */
  readonly challenge: { readonly at: string; readonly is: string; readonly answer: string } | null;
}

const JSON_ONLY = { are: ['application/json'], mayDiffer: false } as const;
const DECLARED = { are: ['application/json'], mayDiffer: true } as const;
const RECEIPT = { status: 202, body: 'receipt' } as const;

/** What most of the schemes have in common. */
const HMAC_SHA256 = { kind: 'signature', algorithm: 'sha256', key: 'utf8', toleranceSeconds: TOLERANCE_SECONDS } as const;

/** https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
const github = {
  scheme: {
    ...HMAC_SHA256,
    header: 'x-hub-signature-256',
    separator: null,
    prefix: 'sha256=',
    encoding: 'hex',
    signed: ['body'],
    // GitHub signs no time: a repeated delivery is known by its id.
    timestamp: null,
  } satisfies SignatureScheme,
  contentTypes: JSON_ONLY,
  accepted: RECEIPT,
  id: { header: 'x-github-delivery' },
  type: [[{ header: 'x-github-event' }, { path: 'action' }]],
  key: [{ path: 'repository.full_name' }],
  time: null,
  challenge: null,
} as const satisfies Preset;

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, version 1.0.0 */
const standardWebhooks = {
  scheme: {
    ...HMAC_SHA256,
    header: 'webhook-signature',
    separator: ' ',
    prefix: 'v1,',
    encoding: 'base64',
    signed: [{ header: 'webhook-id' }, { text: '.' }, 'timestamp', { text: '.' }, 'body'],
    key: 'whsec',
    timestamp: { header: 'webhook-timestamp' },
  } satisfies SignatureScheme,
  contentTypes: DECLARED,
  accepted: RECEIPT,
  id: { header: 'webhook-id' },
  type: [[{ path: 'type' }]],
  key: [],
  time: { header: 'webhook-timestamp' },
  challenge: null,
} as const satisfies Preset;

/** https://docs.stripe.com/webhooks/signature: the secret is the whole text, `whsec_` too; schemes other than v1 are ignored. */
const stripe = {
  scheme: {
    ...HMAC_SHA256,
    header: 'stripe-signature',
    separator: ',',
    prefix: 'v1=',
    encoding: 'hex',
    signed: ['timestamp', { text: '.' }, 'body'],
    timestamp: { entry: 't=' },
  } satisfies SignatureScheme,
  contentTypes: JSON_ONLY,
  accepted: { status: 200, body: 'receipt' },
  id: { path: 'id' },
  type: [[{ path: 'type' }]],
  // The object that it is about; a thin event of API v2 only names it.
  key: [{ path: 'data.object.id' }, { path: 'related_object.id' }],
  time: { path: 'created' },
  challenge: null,
} as const satisfies Preset;

/** https://docs.slack.dev/authentication/verifying-requests-from-slack, https://docs.slack.dev/apis/events-api */
const slack = {
  scheme: {
    ...HMAC_SHA256,
    header: 'x-slack-signature',
    separator: null,
    prefix: 'v0=',
    encoding: 'hex',
    signed: [{ text: 'v0:' }, 'timestamp', { text: ':' }, 'body'],
    timestamp: { header: 'x-slack-request-timestamp' },
  } satisfies SignatureScheme,
  // Events are JSON; slash commands and interactions are forms.
  contentTypes: { are: ['application/json', 'application/x-www-form-urlencoded'], mayDiffer: false },
  // A body in the answer to a slash command would be shown in the channel.
  accepted: { status: 200, body: 'empty' },
  id: { path: 'event_id' },
  type: [[{ path: 'event.type' }], [{ path: 'type' }], [{ path: 'payload.type' }], [{ path: 'command' }]],
  key: [
    { path: 'event.channel' },
    { path: 'event.item.channel' },
    { path: 'event.channel.id' },
    { path: 'channel_id' },
    { path: 'payload.channel.id' },
    { path: 'team_id' },
    { path: 'payload.team.id' },
  ],
  time: { path: 'event_time' },
  challenge: { at: 'type', is: 'url_verification', answer: 'challenge' },
} as const satisfies Preset;

/** What is left open: a source says by its document where the id, the type and the key are. */
const OWN = {
  contentTypes: DECLARED,
  accepted: RECEIPT,
  id: null,
  type: [[{ path: 'type' }]],
  key: [],
  time: null,
  challenge: null,
} as const satisfies Omit<Preset, 'scheme'>;

/** Any HMAC over any of the request's parts. */
const generic = { ...OWN, scheme: null } as const satisfies Preset;

const bearer = {
  ...OWN,
  scheme: { kind: 'credential', form: 'bearer', header: 'authorization' } satisfies CredentialScheme,
} as const satisfies Preset;

const basic = {
  ...OWN,
  scheme: { kind: 'credential', form: 'basic', header: 'authorization' } satisfies CredentialScheme,
} as const satisfies Preset;

/** A header of the source's choice that holds the secret. */
const apiKey = { ...OWN, scheme: null } as const satisfies Preset;

export const PRESETS = {
  github,
  'standard-webhooks': standardWebhooks,
  stripe,
  slack,
  generic,
  bearer,
  basic,
  'api-key': apiKey,
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];
