import type { ProgramName } from '../lib/dev/system-programs.ts';

export const PROGRAMS = ['ingest', 'processor', 'notifier'] as const satisfies readonly ProgramName[];

/** What a part of the system is for. */
export type Role = ProgramName | 'broker' | 'postgres';
