// Usage: node send.mjs <order>. See README.md for the environment.
import { setTimeout as wait } from 'node:timers/promises';
import { CloudEvent, HTTP } from 'cloudevents';
import { Webhook } from 'standardwebhooks';

const [order] = process.argv.slice(2);
const { VISAPI_URL = 'http://127.0.0.1:27080', VISAPI_API_KEY, WEBHOOK_SOURCE = 'partner', WEBHOOK_SECRET } = process.env;
if (!order || !VISAPI_API_KEY) throw new Error('usage: VISAPI_API_KEY=... node send.mjs <order>');

// 1. A CloudEvent; the library makes the request of it (binary mode: attributes as headers, data as the body).
const event = new CloudEvent({
  id: `order-${order}-paid`,
  source: '/shop',
  type: 'order.paid',
  subject: order,
  datacontenttype: 'application/json',
  data: { order, total: '12.50', currency: 'EUR' },
});
const { headers, body } = HTTP.binary(event);
await post('/v1/events', { ...headers, authorization: `Bearer ${VISAPI_API_KEY}` }, body);

// 2. A webhook after Standard Webhooks.
if (WEBHOOK_SECRET) {
  const id = `msg_order_${order}_shipped`;
  const now = new Date();
  const payload = JSON.stringify({ type: 'order.shipped', timestamp: now.toISOString(), data: { order } });
  await post(
    `/hooks/${WEBHOOK_SOURCE}`,
    {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': new Webhook(WEBHOOK_SECRET).sign(id, now, payload),
    },
    payload,
  );
}

/** Sends until there is an answer that another try would not change; with the same id that is safe. */
async function post(path, headers, body) {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(VISAPI_URL + path, { method: 'POST', headers, body, signal: AbortSignal.timeout(10_000) }).catch(
      (error) => {
        if (attempt === 5) throw error;
      },
    );
    if (response && response.status !== 429 && response.status < 500) {
      console.log(await response.text());
      if (!response.ok) process.exit(1);
      return;
    }
    if (attempt === 5) throw new Error(`${path}: answered ${response?.status} five times`);
    const seconds = Number(response?.headers.get('retry-after')) || 2 ** attempt;
    await wait(seconds * 1000 * (0.5 + Math.random() / 2));
  }
}
