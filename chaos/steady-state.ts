import { answersWell } from '../lib/dev/http-answer.ts';
import type { SteadyState } from './experiment.ts';
import { isOf, toldIn } from './workload.ts';

/** Of requests and messages, up to now. */
const LOOK_BACK_MS = 2_000;
const READY_ANSWER_MS = 2_000;

/** What users notice: the door answers, and messages come out at the other end. */
export const answersAndDelivers: SteadyState = {
  says: 'every program is ready, every request is answered with 2xx, and messages arrive',
  async whyNot({ system, load }) {
    for (const [name, urls] of Object.entries(system.readyUrls))
      for (const url of urls) if (!(await answersWell(url, READY_ANSWER_MS))) return `${name} is not ready`;
    const since = performance.now() - load.startedAt - LOOK_BACK_MS;
    const recent = load.tries.slice(-10_000).filter(({ endedAt }) => endedAt > since);
    if (recent.length === 0) return 'no request was answered';
    const bad = recent.filter(({ end }) => end !== 'ok').length;
    if (bad > 0) return `${bad} of ${recent.length} requests were not answered with 2xx`;
    const arrived = await system.messages({ sinceMs: Date.now() - LOOK_BACK_MS });
    if (arrived?.every(({ text }) => !isOf(system.workload, toldIn(text))) === true) return 'no message arrives';
    return undefined;
  },
};
