import { randomBytes, randomUUID } from 'node:crypto';
import { Secret } from '../../lib/core/secret.ts';
import { PRESETS } from '../../lib/webhook/presets.ts';
import type { PresetName } from '../../lib/webhook/presets.ts';
import { signRequest } from '../../lib/webhook/verifier.ts';

export interface ProviderRequest {
  readonly preset: PresetName;
  readonly secret: string;
  readonly body: Uint8Array;
  /** GitHub's event, as `release`. */
  readonly event: string;
  /** (Default: a new one) */
  readonly id?: string | undefined;
  readonly nowMs: number;
}

/** The headers that the provider would send with this body, the signature among them. */
export function providerHeaders(request: ProviderRequest): { readonly id: string; readonly headers: Record<string, string> } {
  const { preset, body } = request;
  const { scheme } = PRESETS[preset];
  if (scheme === null) throw new TypeError(`preset: expected one that has a scheme of its own, got ${preset}`);
  const id = request.id ?? (preset === 'github' ? randomUUID() : `msg_${randomBytes(16).toString('hex')}`);
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ...(preset === 'github'
      ? { 'user-agent': 'GitHub-Hookshot/visapi', 'x-github-event': request.event, 'x-github-delivery': id }
      : { 'webhook-id': id }),
  };
  return { id, headers: { ...headers, ...signRequest(scheme, new Secret(request.secret), { headers, body, nowMs: request.nowMs }) } };
}
