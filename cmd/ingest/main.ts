import { runProgram } from '../../lib/program/run-program.ts';
import { readIngestConfig } from './config.ts';
import { startIngest } from './start-ingest.ts';

await runProgram({ name: 'ingest', logsByTurn: true, readConfig: readIngestConfig, start: startIngest });
