import { describeConformance } from '../lib/actor/conformance/suite.ts';
import { openRealBench } from './real-bench.ts';

describeConformance('JetStream and PostgreSQL', openRealBench);
