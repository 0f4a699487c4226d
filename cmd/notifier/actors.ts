import type { Egress } from '../../lib/egress/egress.ts';
import type { EgressMetrics } from '../../lib/telemetry/metrics.ts';
import type { NotifierConfig } from './config.ts';
import { createSlackActor } from './slack/slack-actor.ts';

/** The actors of this program, each with its channels; all of them go out through the same egress. */
export function createActors(config: NotifierConfig, egress: Egress, metrics: EgressMetrics) {
  const slack = createSlackActor({
    egress,
    channels: config.slackChannels,
    apiUrl: config.slackApiUrl,
    onTry(channel, outcome, seconds) {
      metrics.requests.inc({ channel, outcome });
      metrics.requestSeconds.observe({ channel }, seconds);
    },
  });
  return [slack] as const;
}
