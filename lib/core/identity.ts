import { createHash, hash, randomBytes } from 'node:crypto';

/**
 * Identities of messages. All are derived, so that the same cause gives the same identity after any crash; the one
 * exception is an event for which its provider gave no id.
 */

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** RFC 4648 base 32, lower case, without padding. */
function base32(bytes: Uint8Array): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(buffer >>> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  return bits > 0 ? text + BASE32[(buffer << (5 - bits)) & 31] : text;
}

/** 130 of the 256 bits. */
const ID_DIGITS = 26;
const ID_BYTES = Math.ceil((ID_DIGITS * 5) / 8);

function digest(...parts: string[]): string {
  return base32(hash('sha256', parts.join('\0'), 'buffer').subarray(0, ID_BYTES)).slice(0, ID_DIGITS);
}

/** An event, from its source and the id that the provider gave it. */
export function eventId(source: string, providerId: string): string {
  return digest(source, providerId);
}

/** What a client's event has in the place of a provider's id: CloudEvents' identity, its source and id. No webhook's id is like it. */
export function clientEventKey(eventSource: string, id: string): string {
  return `${eventSource}\0${id}`;
}

/** An event without a provider's id: a UUIDv7 (RFC 9562), and no deduplication. */
export function randomEventId(nowMs: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A run of one workflow on one event. `generation` is '' unless it is meant to run again. */
export function runId(workflow: string, eventVisId: string, generation = ''): string {
  return digest(workflow, eventVisId, generation);
}

/** A command of a run; `generation` marks a step that a person lets run again. */
export function commandId(run: string, stepPath: string, generation = ''): string {
  return generation === '' ? `${run}/${stepPath}` : `${run}/${stepPath}#${generation}`;
}

export function resultId(command: string): string {
  return `${command}/result`;
}

/** The result that tells a run that its command became a dead letter, in this round. */
export function failureId(command: string, round: number): string {
  return `${command}/dead/${round}`;
}

/** A dead letter: one per actor, message and round of redelivery. */
export function deadLetterId(actor: string, messageVisId: string, round: number): string {
  return `${actor}:${messageVisId}:${round}`;
}

/** An effect in the ledger; `replay` marks one that is repeated on purpose. */
export function effectId(messageVisId: string, name: string, replay = ''): string {
  return replay === '' ? `${messageVisId}/${name}` : `${messageVisId}/${name}#${replay}`;
}

/** What is sent to the outside world as the idempotency key of an effect. */
export function idempotencyKey(effect: string): string {
  return createHash('sha256').update(effect).digest('hex');
}
