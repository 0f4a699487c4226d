import { AppError } from '../core/app-error.ts';

/**
 * Where a test lets the process die, as data: a test walks through all of them, and docs/durability.md tells what each leaves behind.
 * `done` is what has happened when the process dies there, `next` what has not.
 */
export const FAIL_POINTS = {
  'accept.offered': { done: 'the event is verified and offered to the journal', next: 'a transaction takes it' },
  'accept.written': { done: 'record and identity are written in the transaction', next: 'the transaction is committed' },
  'accept.committed': { done: 'the transaction is on the disk', next: 'the sender is answered' },
  'relay.read': { done: 'the relay has read the event', next: 'it is sent to the log' },
  'relay.sent': { done: 'the event is sent to the log', next: 'its confirmation arrives' },
  'relay.confirmed': { done: 'the log has confirmed the event', next: 'the journal is told to forget it' },
  'relay.removed': { done: 'the record is removed in the transaction', next: 'the transaction is committed' },
  'relay.forgotten': { done: 'the transaction is on the disk', next: 'the relay goes on' },
} as const satisfies Record<string, { done: string; next: string }>;

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
