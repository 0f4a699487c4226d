import { releaseWorkflow, SECRET, signEvent, type SignedRequest, signRelease } from '../lib/dev/release-events.ts';
import type { Fate } from './sent-event.ts';

/** What a load is made of: releases of repositories. */
export interface Workload {
  /** The source that it signs for; its preset is `github`. */
  readonly source: string;
  /** Repositories. */
  readonly keys: readonly string[];
  /** How every key begins that is of this run; empty where everything is. */
  readonly prefix: string;
  /** Nothing of this run is older in the log, milliseconds since the epoch; undefined where everything is of this run. */
  readonly sinceMs: number | undefined;
  /** Share of the events that are also forged. */
  readonly forgeryShare: number;
  /** The fates that an event may have. */
  fatesOf(kind: Kind): readonly Fate[];
  requestOf(kind: Kind, key: string, delivery: string): SignedRequest;
}

/** What a handler of the poison actor does with its process. */
export type Deed = 'throw' | 'hang' | 'exit' | 'block' | 'allocate';

/** What one event of a load is to be. */
export type Kind = 'release' | 'forgery' | Deed;

const ROOMS = 20;

/**
 * Releases of 40 repositories. Each is told to the local Slack, by one workflow that tells it again where nobody
 * knows whether it was told, and by one that leaves that to a person. A poison goes to an actor of its own, and a forgery nowhere.
 */
export const KEYS: readonly string[] = ['again', 'hold'].flatMap((owner) =>
  Array.from({ length: ROOMS }, (_, index) => `${owner}/r${index}`),
);

export const CHAOS_WORKFLOWS: readonly string[] = [releaseWorkflow('again', 'repeat'), releaseWorkflow('hold', 'hold')];

/** What no provider signs with. */
const FORGED_SECRET = 'not the secret';

/** Of a system that the run has for itself. */
export const OWN_WORKLOAD: Workload = {
  source: 'github',
  keys: KEYS,
  prefix: '',
  sinceMs: undefined,
  forgeryShare: 0.01,
  // Nobody knows of some effects whether they happened, and then a person decides.
  fatesOf: (kind) => (kind === 'release' || kind === 'forgery' ? ['done', 'held'] : ['dead']),
  requestOf(kind, key, delivery) {
    switch (kind) {
      case 'release':
        return signRelease({ repository: key, tag: delivery, delivery }, SECRET);
      case 'forgery':
        return signRelease({ repository: key, tag: delivery, delivery }, FORGED_SECRET);
      default:
        return signEvent('push', delivery, { ref: kind, repository: { full_name: key } });
    }
  },
};

const CLOCKS_APART_MS = 60_000;

/**
 * Of a system that others use, too: releases alone, whole ones, of repositories that nobody else has, for the workflows that are there.
 * @param run makes its keys and deliveries different from those of any other run
 */
export function targetWorkload(run: string, source: string, secret: string): Workload {
  const prefix = `chaos-${run}/`;
  return {
    source,
    keys: Array.from({ length: ROOMS }, (_, index) => `${prefix}r${index}`),
    prefix,
    // A clock of a broker's that is behind ours.
    sinceMs: Date.now() - CLOCKS_APART_MS,
    forgeryShare: 0,
    fatesOf: () => ['done', 'held', 'unrouted'],
    requestOf(kind, key, delivery) {
      if (kind !== 'release') throw new Error(`expected a release for a target, got ${kind}`);
      const url = `https://github.com/${key}`;
      const release = {
        tag_name: delivery,
        name: delivery,
        draft: false,
        prerelease: false,
        body: 'An experiment.',
        html_url: `${url}/releases/tag/${delivery}`,
        published_at: '2026-01-01T00:00:00Z',
        author: { login: 'chaos' },
      };
      const data = { action: 'published', release, repository: { full_name: key, html_url: url } };
      return signEvent('release', delivery, data, secret);
    },
  };
}

/** The identity at the provider of an event with this key and number. */
export function deliveryOf(key: string, number: number): string {
  return `${key.replaceAll(/[/:]/g, '-')}-${number}`;
}

/** The delivery in a message at the peer: the workflows' texts begin with the repository and the tag. */
export function toldIn(text: string): string {
  return text.split(' ')[1] ?? '';
}

/** Whether an event is of this run. */
export function isOf({ prefix }: Workload, delivery: string): boolean {
  return delivery.startsWith(prefix.replaceAll('/', '-'));
}
