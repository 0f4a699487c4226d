import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadJob, LoadResult } from './sending.ts';

/** A load generator in a process of its own, so that measuring and being measured share no event loop. */
export interface LoadGenerator {
  /** One job at a time. @throws Error when the process is gone */
  run(job: LoadJob): Promise<LoadResult>;
  stop(): Promise<void>;
}

export function startLoadGenerator(): LoadGenerator {
  // `advanced`: a hundred thousand samples cross as bytes, not as text.
  const child = fork(fileURLToPath(new URL('load-program.ts', import.meta.url)), { serialization: 'advanced' });
  const gone = once(child, 'exit');
  return {
    async run(job) {
      const answer = once(child, 'message') as Promise<[LoadResult]>;
      child.send(job);
      const ended = gone.then(([code]) => Promise.reject(new Error(`the load generator ended with ${code}`)));
      const [result] = await Promise.race([answer, ended]);
      return result;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}
