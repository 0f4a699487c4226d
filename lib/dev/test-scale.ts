/**
 * How much a test does. `npm test` does a little of everything; `npm run nightly` runs the same code with the whole number.
 *
 *   const KILLS = scaled({ day: 12, night: 100 });
 *
 * A test file that imports this module is run by `npm run nightly` too, see scripts/test.ts.
 */

/** Whether this is the nightly run, where no other file runs beside and timings may be judged. Set by scripts/test.ts. */
export const isNight = process.env['VISAPI_TEST_SCALE'] === 'night';

export function scaled<Amount>({ day, night }: { readonly day: Amount; readonly night: Amount }): Amount {
  return isNight ? night : day;
}

/**
 * What something may take, or how far two times may be apart: by night the bound itself, by day ten times as much, because what else
 * the machine does is in it.
 */
export function patience(bound: number): number {
  return scaled({ day: 10 * bound, night: bound });
}
