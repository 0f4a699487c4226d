/** The Slack workspace that the sink pretends to be. */
export interface SlackWorkspace {
  readonly channels: readonly SlackChannel[];
  /** Bot tokens that may post. */
  readonly tokens: readonly string[];
  /** Incoming webhooks: the path of the URL, and the channel (by name) that it posts to. */
  readonly webhooks: readonly { readonly path: string; readonly channel: string }[];
}

export interface SlackChannel {
  readonly id: string;
  /** With its `#`. */
  readonly name: string;
  readonly isArchived?: boolean;
}

/** For development and tests. Nothing in it opens anything but a sink. */
export const DEMO_WORKSPACE: SlackWorkspace = {
  channels: [
    { id: 'C0RELEASES', name: '#releases' },
    { id: 'C0ALERTS', name: '#alerts' },
    { id: 'C0ARCHIVED', name: '#archived', isArchived: true },
  ],
  tokens: ['xoxb-local-peer'],
  webhooks: [
    { path: '/services/T0LOCAL/B0RELEASES/localpeer', channel: '#releases' },
    { path: '/services/T0LOCAL/B0ALERTS/localpeer', channel: '#alerts' },
    { path: '/services/T0LOCAL/B0ARCHIVED/localpeer', channel: '#archived' },
  ],
};

/** A channel by its id or its name, with or without `#`. */
export function findChannel(workspace: SlackWorkspace, text: string): SlackChannel | undefined {
  return workspace.channels.find((channel) => channel.id === text || channel.name === text || channel.name === `#${text}`);
}

/** The channels' file of a notifier that posts to a sink with the demo's workspace, as JSON. */
export function demoSlackChannels(sinkUrl: string): string {
  const [token] = DEMO_WORKSPACE.tokens;
  const webhooks = DEMO_WORKSPACE.webhooks.map(({ path, channel }) => [channel, { kind: 'incoming-webhook', url: sinkUrl + path }]);
  // One channel goes through the Web API, so that a development machine uses both doors.
  const bots = DEMO_WORKSPACE.channels
    .filter(({ name }) => name === '#alerts')
    .map(({ id, name }) => [name, { kind: 'bot', token, channelId: id }]);
  return `${JSON.stringify(Object.fromEntries([...webhooks, ...bots]), null, 2)}\n`;
}
