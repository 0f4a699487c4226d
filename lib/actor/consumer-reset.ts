import type { ConsumerState } from './broker-port.ts';

/** How a lane's row says where its owner has pointed the consumer to last. */
export function pointedTo(created: string, fromSeq: number): string {
  return `${created} ${fromSeq}`;
}

/**
 * Whether a person has reset the consumer below the position and it has delivered nothing since. A consumer that was made anew has
 * another creation time, and one that stands before the log's beginning may as well be of a broker that forgot.
 */
export function isResetByHand(
  { created, deliveredConsumerSeq, deliveredStreamSeq }: ConsumerState,
  pointed: string,
  position: number,
): boolean {
  const isBelow = deliveredConsumerSeq === 0 && deliveredStreamSeq > 0 && deliveredStreamSeq < position;
  return isBelow && pointed.startsWith(`${created} `) && pointed !== pointedTo(created, deliveredStreamSeq + 1);
}
