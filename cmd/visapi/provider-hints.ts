import type { SourceDocument } from '../../lib/webhook/source.ts';

type GenericOptions = Extract<SourceDocument, { preset: 'generic' }>['options'];

/** What has to be set where the requests come from, in that provider's own words. `address` is the source's. */
export function providerHint(document: SourceDocument, address: string): string {
  switch (document.preset) {
    case 'github':
      // https://docs.github.com/en/webhooks/using-webhooks/creating-webhooks
      return `At GitHub, Settings > Webhooks > Add webhook: Payload URL ${address}, Content type application/json, Secret as given here.`;
    case 'stripe':
      // https://docs.stripe.com/webhooks
      return `At Stripe, Workbench > Webhooks > Add destination: Endpoint URL ${address}. The secret here is that endpoint's signing secret (whsec_...).`;
    case 'slack':
      // https://docs.slack.dev/authentication/verifying-requests-from-slack
      return `At api.slack.com/apps, your app > Event Subscriptions > Request URL: ${address} (the same for slash commands and interactivity). The secret here is the app's Signing Secret, under Basic Information.`;
    case 'standard-webhooks':
      // https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
      return `At the sender: endpoint ${address}. Its signing secret (whsec_...) and the one here are the same.`;
    case 'generic':
      return genericHint(document.options, address);
    case 'bearer':
      return `The sender posts to ${address} with the header authorization: Bearer <the secret>.`;
    case 'basic':
      return `The sender posts to ${address} with the user and password given here, as user:password.`;
    case 'api-key':
      return `The sender posts to ${address} with the secret in the header ${document.options.header}.`;
  }
}

function genericHint({ header, algorithm, encoding, prefix, payload, timestampHeader }: GenericOptions, address: string): string {
  const behind = prefix === '' ? '' : `, behind ${prefix}`;
  const time = timestampHeader === undefined ? '' : ` The header ${timestampHeader} has the time of sending in Unix seconds: {timestamp}.`;
  return `The sender posts to ${address}. Its header ${header} has the HMAC-${algorithm.toUpperCase()} of ${payload} in ${encoding}${behind}. The key is the text of the secret.${time}`;
}
