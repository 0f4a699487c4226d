import fc from 'fast-check';
import { testSeed } from './test-seed.ts';

// One seed for every property of a run. A property that fails prints it, with the path to its smallest example.
fc.configureGlobal({ seed: testSeed });

export { fc };
