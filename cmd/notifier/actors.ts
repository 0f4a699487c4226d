import type { ActorDefinition } from '../../lib/actor/define-actor.ts';
import type { Dial } from '../../lib/egress/dial.ts';
import type { Egress } from '../../lib/egress/egress.ts';
import type { ObjectStore } from '../../lib/jetstream/object-store.ts';
import type { EmailMetrics } from '../../lib/telemetry/email-metrics.ts';
import type { EgressMetrics } from '../../lib/telemetry/metrics.ts';
import type { NotifierConfig } from './config.ts';
import { createEmailActor, type EmailAccount } from './email/email-actor.ts';
import { createSmtpSender } from './email/smtp-sender.ts';
import { createSlackActor } from './slack/slack-actor.ts';

export interface ActorResources {
  readonly egress: Egress;
  readonly dial: Dial;
  readonly documents: ObjectStore;
  readonly metrics: EgressMetrics;
  readonly emailFailures: EmailMetrics['failures'];
}

/** The actors of this program, each with its channels; all of them go out through the same egress. */
export function createActors(
  config: NotifierConfig,
  { egress, dial, documents, metrics, emailFailures }: ActorResources,
): readonly ActorDefinition[] {
  const onTry = (channel: string, outcome: string, seconds: number): void => {
    metrics.requests.inc({ channel, outcome });
    metrics.requestSeconds.observe({ channel }, seconds);
  };
  const slack = createSlackActor({
    egress,
    channels: config.slackChannels,
    apiUrl: config.slackApiUrl,
    retry: { attempts: config.slackAttempts, baseMs: config.slackRetryBaseMs },
    onTry,
  });
  const email = createEmailActor({
    account: emailAccount(config, dial),
    documents,
    retry: { attempts: config.emailAttempts, baseMs: config.emailRetryBaseMs },
    onTry(outcome, seconds) {
      onTry('email', outcome.kind, seconds);
      if (outcome.kind === 'failed') emailFailures.inc({ stage: outcome.stage, meaning: outcome.meaning });
    },
  });
  // Their input comes from their own `input`, so the runtime needs no name for the type.
  return [slack as ActorDefinition, email as ActorDefinition];
}

function emailAccount({ smtpServer, smtpTls, smtpUser, smtpPassword, smtpFrom }: NotifierConfig, dial: Dial): EmailAccount | undefined {
  if (smtpServer === undefined || smtpFrom === undefined) return undefined;
  const { host, port, isTlsAtOnce } = smtpServer;
  const tls = isTlsAtOnce ? 'at-once' : smtpTls === 'none' ? 'none' : 'starttls';
  const login = smtpUser === undefined || smtpPassword === undefined ? undefined : { user: smtpUser, password: smtpPassword };
  return { smtp: createSmtpSender({ server: { host, port, tls, login }, dial }), sender: smtpFrom };
}
