import { answersWell } from '../lib/dev/http-answer.ts';
import type { SteadyState } from './experiment.ts';

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
    const arrived = await fetch(`${system.sink.url}/messages?limit=1&since=${Date.now() - LOOK_BACK_MS}`);
    if (((await arrived.json()) as unknown[]).length === 0) return 'no message arrives';
    return undefined;
  },
};
