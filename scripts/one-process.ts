/**
 * The tests without network, all in this one process: most of what each costs is the start of a process and its modules.
 * Their files are in `VISAPI_TEST_FILES`, one a line.
 */
import { pathToFileURL } from 'node:url';

for (const file of (process.env['VISAPI_TEST_FILES'] ?? '').split('\n')) await import(pathToFileURL(file).href);
