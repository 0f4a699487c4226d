import type { ActorDefinition } from '../../lib/actor/define-actor.ts';
import type { Egress } from '../../lib/egress/egress.ts';
import type { EgressMetrics } from '../../lib/telemetry/metrics.ts';
import type { NotifierConfig } from './config.ts';
import { createSlackActor } from './slack/slack-actor.ts';

/** The actors of this program, each with its channels; all of them go out through the same egress. */
export function createActors(config: NotifierConfig, egress: Egress, metrics: EgressMetrics): readonly ActorDefinition[] {
  const slack = createSlackActor({
    egress,
    channels: config.slackChannels,
    apiUrl: config.slackApiUrl,
    retry: { attempts: config.slackAttempts, baseMs: config.slackRetryBaseMs },
    onTry(channel, outcome, seconds) {
      metrics.requests.inc({ channel, outcome });
      metrics.requestSeconds.observe({ channel }, seconds);
    },
  });
  // Its input comes from its own `input`, so the runtime needs no name for the type.
  return [slack as ActorDefinition];
}
