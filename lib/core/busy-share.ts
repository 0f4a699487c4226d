import { performance } from 'node:perf_hooks';

/** Makes the function that says in which share of the time since it was asked last the event loop was at work, 0 to 1. */
export function createBusyShare(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
