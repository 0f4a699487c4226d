/** So that a change fails by day for what it does, and not by chance. Any number; another one would find other things. */
const DAY_SEED = 20_261_122;

/**
 * Where every test's chance begins: the same each time by day, another one each night (scripts/test.ts draws and prints it).
 * `VISAPI_SEED` repeats a run. A test file that imports this module, or `fast-check.ts`, is run by `npm run nightly`, too.
 */
export const testSeed = Number(process.env['VISAPI_SEED'] ?? DAY_SEED);
if (!Number.isInteger(testSeed)) throw new RangeError(`VISAPI_SEED: expected an integer, got ${process.env['VISAPI_SEED']}`);
