import { runProgram } from '../../lib/program/run-program.ts';
import { readIngestConfig } from './config.ts';
import { startIngest } from './start-ingest.ts';

await runProgram({ name: 'ingest', readConfig: readIngestConfig, start: startIngest });
