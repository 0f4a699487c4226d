import { requestApi } from '../lib/jetstream/api-request.ts';
import type { ObservedSystem } from './observed-system.ts';

/**
 * The consumers of a stream that lanes with an owner have, in an order of their own: what is done to one of them its owner mends.
 * What else has a consumer there is left alone.
 */
export async function ownedConsumers({ connection, database }: ObservedSystem, stream: string): Promise<string[]> {
  const lanes = await database.query<{ consumer: string }>({
    text: `select lanes.actor || '-' || lanes.priority || '-' || lanes.partition as consumer
      from lanes join units on units.actor = lanes.actor and units.partition = lanes.partition
      where lanes.stream = $1 and units.lease_until > now() order by consumer`,
    values: [stream],
  });
  const { consumers } = await requestApi<{ consumers: readonly string[] | null }>(connection, `$JS.API.CONSUMER.NAMES.${stream}`);
  return lanes.map(({ consumer }) => consumer).filter((consumer) => consumers?.includes(consumer) === true);
}
