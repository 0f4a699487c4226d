import { AppError } from '../core/app-error.ts';

/**
 * Where a test lets the process die, as data: a test walks through all of them, and docs/durability.md has them as a table.
 * `done` is what has happened when the process dies there, `next` what has not, `mended` how it comes right.
 */
export const FAIL_POINTS = {
  'accept.before-append': {
    done: 'the event is verified',
    next: 'it is offered to the journal',
    mended: 'nothing is stored; the sender has no answer and sends again',
  },
  'accept.before-transaction': { done: 'it is offered to the journal', next: 'a transaction takes it', mended: 'the same' },
  'accept.written': {
    done: 'record and identity are written in the transaction',
    next: 'the transaction is committed',
    mended: 'the same: LMDB drops what is not committed',
  },
  'accept.committed': {
    done: 'the transaction is on the disk',
    next: 'the acceptor hears of it',
    mended: 'it is relayed; when the sender sends again, it is a known duplicate',
  },
  'accept.appended': { done: 'the acceptor has heard of it', next: 'the sender is answered', mended: 'the same' },
  'relay.before-publish': {
    done: 'the relay has read the event',
    next: 'it is sent to the log',
    mended: 'it is still in the journal, and relayed',
  },
  'relay.confirmed': {
    done: 'the log has confirmed the event',
    next: 'the confirmation is noted',
    mended: 'it is in both; it is found when the log is read back, and forgotten',
  },
  'relay.before-forget': { done: 'confirmations are noted', next: 'the journal is told to forget the events', mended: 'the same' },
  'relay.removed': { done: 'the records are removed in the transaction', next: 'the transaction is committed', mended: 'the same' },
  'relay.forgotten': { done: 'the transaction is on the disk', next: 'the relay goes on', mended: 'nothing is open' },
  'relay.found': {
    done: 'an event in doubt is found in the log when it is read back',
    next: 'the journal is told to forget it',
    mended: 'the log is read back again',
  },
  'relay.found-forgotten': {
    done: 'the journal has forgotten what was found',
    next: 'the rest is published',
    mended: 'the rest is still in the journal',
  },
} as const satisfies Record<string, { done: string; next: string; mended: string }>;

export type FailPointName = keyof typeof FAIL_POINTS;

let armed: { readonly name: FailPointName; passesLeft: number } | undefined;

/**
 * Lets the process die at a fail-point. Never called in production; what calls it sees to that.
 * @param text `<name>` or `<name>:<n>`: at the nth pass (default 1); undefined: none
 * @throws AppError `invalid_config` where there is no such fail-point
 */
export function armFailPoint(text: string | undefined): void {
  if (text === undefined) {
    armed = undefined;
    return;
  }
  const [name = '', passes = '1'] = text.split(':');
  if (!Object.hasOwn(FAIL_POINTS, name) || !/^[1-9]\d{0,8}$/.test(passes)) {
    throw new AppError('invalid_config', `expected <name>:<pass> with one of ${Object.keys(FAIL_POINTS).join(', ')}, got ${text}`);
  }
  armed = { name: name as FailPointName, passesLeft: Number(passes) };
}

/** A place where the process may be made to die: by SIGKILL, so that nothing is tidied up. */
export function failPoint(name: FailPointName): void {
  if (armed === undefined || armed.name !== name) return;
  armed.passesLeft -= 1;
  if (armed.passesLeft === 0) process.kill(process.pid, 'SIGKILL');
}
