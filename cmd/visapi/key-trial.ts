import { setTimeout as wait } from 'node:timers/promises';
import type { Secret } from '../../lib/core/secret.ts';

/** What ingest says to a new key: it knows it, it still refuses it, or nobody can say. */
export type KeyTrial = 'known' | 'refused' | 'untried';

/** What is promised of every change of a key. */
const KNOWN_WITHIN_MS = 5_000;
const RETRY_MS = 250;
const ANSWER_TIMEOUT_MS = 2_000;

/**
 * Sends an empty batch under the key until ingest knows it. A key that was made for another environment, or with another pepper, is stored like any other and
 * never known there; nothing but ingest itself can tell.
 */
export async function tryKey(ingestUrl: string, key: Secret, withinMs = KNOWN_WITHIN_MS): Promise<KeyTrial> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const status = await statusOf(ingestUrl, key);
    // 403: known, and its scopes are others.
    if (status === 202 || status === 403) return 'known';
    if (status !== 401) return 'untried';
    if (performance.now() > deadline) return 'refused';
    await wait(RETRY_MS);
  }
}

async function statusOf(ingestUrl: string, key: Secret): Promise<number | undefined> {
  try {
    const response = await fetch(new URL('/v1/events/batch', ingestUrl), {
      method: 'POST',
      headers: { authorization: `Bearer ${key.reveal()}`, 'content-type': 'application/cloudevents-batch+json' },
      body: '[]',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return undefined;
  }
}
