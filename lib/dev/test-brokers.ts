/**
 * On how many brokers the tests run that do not say it themselves: one, or by `npm run nightly -- --brokers 3` a cluster of three with every
 * stream on all of them. Set by scripts/test.ts.
 */
export const testBrokers: 1 | 3 = process.env['VISAPI_TEST_BROKERS'] === '3' ? 3 : 1;

/** The brokers of one address, each with its own. */
export function eachBroker(url: string, change: (broker: URL) => void): string {
  const changed = url.split(',').map((each) => {
    const broker = new URL(each);
    change(broker);
    return broker.toString();
  });
  return changed.join(',');
}
