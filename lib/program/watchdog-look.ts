import { Session } from 'node:inspector';
import { type InHand, READ_IN_HAND } from './in-hand.ts';

/** Where the main thread stands still. */
export interface Standstill {
  /** The message in hand; null where there was none, or none could be asked for. */
  readonly inHand: InHand | null;
  /** The innermost calls, each as `function file:line`. */
  readonly stack: readonly string[];
}

interface Paused {
  readonly callFrames: readonly {
    readonly callFrameId: string;
    readonly functionName: string;
    readonly location: { readonly scriptId: string; readonly lineNumber: number };
  }[];
}

/** More tell nothing new. */
const FRAMES = 8;

/**
 * Interrupts the main thread with V8's debugger, which gets through to endless loops, regular expressions and waits, and asks it where
 * it stands. No port is opened. For a thread of its own, in a process that is about to end: the main thread is not let go on.
 * Resolves within `withinMs`, with nothing where it did not answer (it may be in native code).
 */
export async function lookAtMainThread(withinMs: number): Promise<Standstill> {
  let found: Standstill = { inHand: null, stack: [] };
  const session = new Session();
  const files = new Map<string, string>();
  session.on('Debugger.scriptParsed', ({ params }: { readonly params: { readonly scriptId: string; readonly url: string } }) =>
    files.set(params.scriptId, params.url.replace('file://', '')),
  );
  const asked = new Promise<void>((resolve, reject) => {
    session.once('Debugger.paused', ({ params }: { readonly params: Paused }) => {
      const { callFrames } = params;
      found = {
        ...found,
        stack: callFrames
          .slice(0, FRAMES)
          .map(
            ({ functionName, location }) => `${functionName || '(anonymous)'} ${files.get(location.scriptId)}:${location.lineNumber + 1}`,
          ),
      };
      const callFrameId = callFrames[0]?.callFrameId ?? '';
      session.post(
        'Debugger.evaluateOnCallFrame',
        { callFrameId, expression: READ_IN_HAND, returnByValue: true },
        (error: Error | null, answer?: { readonly result: { readonly value?: InHand | null } }) => {
          if (error !== null) return reject(error);
          found = { ...found, inHand: answer?.result.value ?? null };
          resolve();
        },
      );
    });
    session.connectToMainThread();
    session.post('Debugger.enable');
    session.post('Debugger.pause');
  });
  const late = new Promise<void>((resolve) => setTimeout(resolve, withinMs));
  await Promise.race([asked, late]).catch(() => undefined);
  return found;
}
