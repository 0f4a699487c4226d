import type { KeyRing } from '../../lib/access/key-ring.ts';
import type { Source } from '../../lib/webhook/source.ts';

/** What the door knows of sources and API keys: the last that it has heard, whether or not anybody can be asked now. */
export interface Settings {
  findSource(name: string): Source | undefined;
  readonly sourceNames: readonly string[];
  readonly keys: KeyRing;
  readonly state: SettingsState;
}

/**
 * - `current`: changes are being watched
 * - `stale`: nobody can be asked; what was known last counts
 * - `unknown`: nothing was ever heard: no sender can be judged, so none may be refused for good
 */
export type SettingsState =
  | { readonly kind: 'current' }
  | { readonly kind: 'stale'; readonly because: string }
  | { readonly kind: 'unknown'; readonly because: string };
