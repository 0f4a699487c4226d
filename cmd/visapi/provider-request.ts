import { randomBytes, randomUUID } from 'node:crypto';
import { Secret } from '../../lib/core/secret.ts';
import { PRESETS } from '../../lib/webhook/presets.ts';
import type { Locator, PresetName } from '../../lib/webhook/presets.ts';
import { signRequest } from '../../lib/webhook/verifier.ts';
import type { Scheme } from '../../lib/webhook/verifier.ts';

/** Whose request it is: a compiled source, or what its preset says. */
export interface ProviderOf {
  readonly preset: PresetName;
  /** (Default: the preset's) */
  readonly scheme?: Scheme;
  /** Where the provider puts its id. (Default: as the preset says) */
  readonly id?: Locator | null;
}

export interface ProviderRequest {
  readonly preset: PresetName | ProviderOf;
  readonly secret: string;
  readonly body: Uint8Array;
  /** GitHub's event, as `release`. */
  readonly event: string;
  /** (Default: a new one) */
  readonly id?: string | undefined;
  readonly nowMs: number;
}

/**
 * The headers that the provider would send with this body, the signature among them.
 * `id` is null where the provider's id is in the body.
 * @throws TypeError where the preset has no scheme of its own and none is given
 */
export function providerHeaders(request: ProviderRequest): { readonly id: string | null; readonly headers: Record<string, string> } {
  const { body, nowMs } = request;
  const of: ProviderOf = typeof request.preset === 'string' ? { preset: request.preset } : request.preset;
  const scheme = of.scheme ?? PRESETS[of.preset].scheme;
  if (scheme === null) throw new TypeError(`preset: expected one that has a scheme of its own, got ${of.preset}`);
  const place = of.id === undefined ? PRESETS[of.preset].id : of.id;
  const id = place !== null && 'header' in place ? (request.id ?? newId(of.preset)) : null;
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ...(of.preset === 'github' ? { 'user-agent': 'GitHub-Hookshot/visapi', 'x-github-event': request.event } : {}),
    ...(place !== null && 'header' in place && id !== null ? { [place.header]: id } : {}),
  };
  return { id, headers: { ...headers, ...signRequest(scheme, new Secret(request.secret), { headers, body, nowMs }) } };
}

function newId(preset: PresetName): string {
  return preset === 'github' ? randomUUID() : `msg_${randomBytes(16).toString('hex')}`;
}
