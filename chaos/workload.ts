import { releaseWorkflow, signEvent, type SignedRequest, signRelease } from '../lib/dev/release-events.ts';
import type { Fate } from './sent-event.ts';

/**
 * What a load is made of: releases of 40 repositories. Each is told to the local Slack, by one workflow that tells it again where nobody
 * knows whether it was told, and by one that leaves that to a person. A poison goes to an actor of its own, and a forgery nowhere.
 */
export const KEYS: readonly string[] = ['again', 'hold'].flatMap((owner) => Array.from({ length: 20 }, (_, index) => `${owner}/r${index}`));

export const CHAOS_WORKFLOWS: readonly string[] = [releaseWorkflow('again', 'repeat'), releaseWorkflow('hold', 'hold')];

/** What a handler of the poison actor does with its process. */
export type Deed = 'throw' | 'hang' | 'exit' | 'block' | 'allocate';

/** What one event of a load is to be. */
export type Kind = 'release' | 'forgery' | Deed;

/** The fates that an event may have: nobody knows of some effects whether they happened, and then a person decides. */
export function fatesOf(kind: Kind): readonly Fate[] {
  return kind === 'release' || kind === 'forgery' ? ['done', 'held'] : ['dead'];
}

/** What no provider signs with. */
const FORGED_SECRET = 'not the secret';

export function requestOf(kind: Kind, key: string, delivery: string): SignedRequest {
  switch (kind) {
    case 'release':
      return signRelease({ repository: key, tag: delivery, delivery });
    case 'forgery':
      return signRelease({ repository: key, tag: delivery, delivery }, FORGED_SECRET);
    default:
      return signEvent('push', delivery, { ref: kind, repository: { full_name: key } });
  }
}

/** The delivery in a message at the peer: the workflow's text is the repository and the tag. */
export function deliveryOf(text: string): string {
  return text.slice(text.indexOf(' ') + 1);
}
