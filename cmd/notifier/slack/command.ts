import { z } from 'zod';
import { jsonInput } from '../../../lib/actor/json-input.ts';

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
export const readSlackCommand = jsonInput(slackCommand);
