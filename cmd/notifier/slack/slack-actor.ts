import { type ActorDefinition, defineActor, EffectFailed } from '../../../lib/actor/define-actor.ts';
import { exponential } from '../../../lib/actor/retry-policy.ts';
import { done, reject, type Verdict } from '../../../lib/actor/verdict.ts';
import type { Egress } from '../../../lib/egress/egress.ts';
import { SLACK_LANES } from '../../../streams/actors.ts';
import { stepFailed, stepSucceeded } from '../../../streams/step-result.ts';
import { diversionOf } from '../diversion.ts';
import type { SlackChannel, SlackChannels } from './channels.ts';
import { classifySlackResult, type SlackOutcome } from './classify.ts';
import { readSlackCommand, type SlackCommand } from './command.ts';
import { buildSlackRequest } from './request.ts';

export interface SlackActorOptions {
  readonly egress: Egress;
  readonly channels: SlackChannels;
  /** Where the Web API is, without a slash at its end. (Default: https://slack.com/api) */
  readonly apiUrl?: string;
  /** Tries at most, and the longest wait after the first. (Default: 20 and 1000) */
  readonly retry?: { readonly attempts: number; readonly baseMs: number };
  /** Wall clock, milliseconds since the epoch. (Default: the system's) */
  readonly now?: () => number;
  /** Told of every try, by the channel's configured name. */
  readonly onTry?: (channel: string, outcome: SlackOutcome['kind'], seconds: number) => void;
}

/** What a step that sent a message has as its output. */
export interface SlackOutput {
  /** As the command named it. */
  readonly channel: string;
  /** Slack's identity of the message in its channel; incoming webhooks do not tell it. */
  readonly ts?: string;
  readonly status: 'sent';
}

/** A target of a replay that is a channel. */
const channelName = (target: string): string | undefined => (target.startsWith('#') ? target : undefined);

/** Longer would keep a message waiting long after a repair. */
const MAX_RETRY_MS = 600_000;

/** It was certainly not posted; the verdict says what follows. */
class SlackFailed extends EffectFailed {
  readonly verdict: Verdict;
  constructor(verdict: Verdict) {
    super(verdict.kind === 'done' ? 'failed' : verdict.because);
    this.verdict = verdict;
  }
}

/** Posts one message per command, behind a claim in the ledger, and tells the command's run what came of it. */
export function createSlackActor(options: SlackActorOptions): ActorDefinition<SlackCommand> {
  const { channels, retry = { attempts: 20, baseMs: 1_000 }, now = Date.now } = options;
  return defineActor<SlackCommand>({
    ...SLACK_LANES,
    start: 'beginning',
    input: (message) => {
      const command = readSlackCommand(message);
      const diversion = diversionOf(message, channelName);
      return diversion.kind === 'to' ? { ...command, channel: diversion.target } : command;
    },
    // The channel refines the event's key: a channel that fails holds up no other channel of the same customer.
    key: (command, message) => [command.channel, message.key],
    retry: exponential({ ...retry, maxMs: MAX_RETRY_MS }),
    // Above the 15 s that a request may take at most, so that egress says how it ended and not this limit.
    timeoutMs: 20_000,
    onDead: stepFailed,

    async receive(command, context) {
      const diversion = diversionOf(context.message, channelName);
      if (diversion.kind === 'nowhere')
        return reject('refused', `diverted to ${diversion.targets}, none of which is a channel as '#alerts'`);
      const channel = channels.find(command.channel);
      if (channel === undefined) return reject('gone', `channel ${command.channel} is not configured`);
      try {
        const output = await context.effect('send', ({ idempotencyKey, signal }) => post(command, channel, idempotencyKey, signal), {
          onUnknown: command.onUnknown,
        });
        for (const result of stepSucceeded(context.message, output)) context.emit(result);
        return done();
      } catch (error) {
        if (error instanceof SlackFailed) return error.verdict;
        throw error;
      }
    },
  });

  async function post(command: SlackCommand, channel: SlackChannel, idempotencyKey: string, signal: AbortSignal): Promise<SlackOutput> {
    const { egress, apiUrl = 'https://slack.com/api', onTry } = options;
    const startedAt = performance.now();
    const result = await egress.send(buildSlackRequest(channel, command, { apiUrl, idempotencyKey, signal }));
    const outcome = classifySlackResult(result, channel.kind, now());
    onTry?.(channel.name, outcome.kind, (performance.now() - startedAt) / 1_000);
    switch (outcome.kind) {
      case 'sent':
        return { channel: command.channel, ...(outcome.ts === undefined ? {} : { ts: outcome.ts }), status: 'sent' };
      case 'failed':
        throw new SlackFailed(outcome.verdict);
      case 'unknown':
        throw new Error(`nobody knows whether it was posted: ${outcome.because}`);
    }
  }
}
