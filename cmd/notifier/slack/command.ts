import { z } from 'zod';
import { InvalidInput } from '../../../lib/actor/define-actor.ts';
import type { Message } from '../../../lib/actor/message.ts';

/** What the body of a `slack.send` command says. Slack itself judges the text's and the blocks' content. */
const slackCommand = z.object({
  /** A configured channel: its name, or its id. */
  channel: z.string().min(1).max(80),
  text: z.string(),
  /** Block Kit blocks. */
  blocks: z.array(z.unknown()).optional(),
  /** What to do when nobody knows whether it was sent. (Default: repeat, as these are alerts to a team) */
  onUnknown: z.enum(['hold', 'repeat']).default('repeat'),
});

export type SlackCommand = z.infer<typeof slackCommand>;

/** Reads a command; throws `InvalidInput` with the path of what does not fit. */
export function readSlackCommand(message: Message): SlackCommand {
  const parsed = slackCommand.safeParse(parseJson(message.body));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  const first = problems[0];
  throw new InvalidInput(`slack.send: ${first?.path === '' ? 'body' : first?.path}: ${first?.message}`, problems);
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new InvalidInput('slack.send: expected a JSON body', { error: cause instanceof Error ? cause.message : String(cause) });
  }
}
