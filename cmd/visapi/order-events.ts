import { parseEmailAddress } from '../../lib/core/email-address.ts';
import { demoOrder, orderPaidEvent } from '../../lib/dev/demo-order.ts';
import { findAddresses } from './connection.ts';
import { CommandError, exitCodes } from './output.ts';
import { postRequest, type Sent } from './post-request.ts';
import { parseCount } from './moment.ts';

export interface OrderOptions {
  readonly orders: string;
  readonly seed: string;
  /** Whom the receipts go to, instead of addresses at domains that nobody has. */
  readonly email?: string;
}

/** Sends made-up orders as a shop would: `order.paid` to /v1/events under the demo's API key. The same seed is the same orders. */
export async function sendOrders(options: OrderOptions): Promise<Sent[]> {
  const count = parseCount('--orders', options.orders, 1, 100_000);
  const seed = parseCount('--seed', options.seed, 0, 1_000_000_000);
  if (options.email !== undefined && parseEmailAddress(options.email) === undefined)
    throw new CommandError(`--email: expected name@example.org, got ${options.email}`, { exitCode: exitCodes.wrongUsage });
  const { ingestUrl, demo } = await findAddresses();
  if (demo === undefined)
    throw new CommandError('the demo has an API key while npm start runs; your own programs send to /v1/events: docs/api.md');
  const headers = { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${demo.apiKey}` };
  const sent: Sent[] = [];
  for (let index = 0; index < count; index += 1) {
    const order = demoOrder(seed, index);
    const event = orderPaidEvent({ ...order, email: options.email ?? order.email });
    sent.push(await postRequest(`${ingestUrl}/v1/events`, Buffer.from(JSON.stringify(event)), headers, String(event['id'])));
  }
  return sent;
}
