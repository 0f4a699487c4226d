/**
 * Many waiters on one signal. An EventTarget walks its whole list at each add, so thousands of messages under the one
 * signal of a program would take quadratic time; here each signal gets one listener and a set.
 */
const waiters = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls back once when the signal aborts (not where it has already); returns the function that stops waiting. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let set = waiters.get(signal);
  if (set === undefined) {
    const added = new Set<() => void>();
    waiters.set(signal, (set = added));
    signal.addEventListener(
      'abort',
      () => {
        for (const waiter of added) waiter();
        added.clear();
      },
      { once: true },
    );
  }
  set.add(callback);
  const own = set;
  return () => own.delete(callback);
}
