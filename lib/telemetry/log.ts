import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { cleanText, keepListedFields } from './log-fields.ts';
import { createTurnDestination } from './turn-destination.ts';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly program: string;
  readonly env: string;
  readonly version: string;
  readonly level: string;
  /** (Default: the standard output, written synchronously so that a crash loses no line) */
  readonly destination?: DestinationStream;
  /** Write the lines of one turn of the event loop together: for a program with a line for each of very many requests. (Default: false) */
  readonly byTurn?: boolean;
}

/** A program's log: JSON lines with `program`, `env` and `version`, and of all other fields only the listed ones. */
export function createLog(options: LogOptions): Logger {
  const { program, env, version, level, destination, byTurn = false } = options;
  return pino(
    {
      level,
      base: { program, env, version },
      timestamp: createTimeField(),
      formatters: {
        level: (label) => ({ level: label }),
        log: keepListedFields,
      },
      serializers: { err: errorFields },
      hooks: {
        // The text of a line is a constant of ours; where an error's message slips into it, it is cleaned too.
        logMethod(args, method) {
          method.apply(this, args.map((arg) => (typeof arg === 'string' ? cleanText(arg) : arg)) as typeof args);
        },
      },
    },
    destination ?? standardOutput(byTurn),
  );
}

function standardOutput(byTurn: boolean): DestinationStream {
  const output = pino.destination({ fd: 1, sync: true });
  if (!byTurn) return output;
  const destination = createTurnDestination(output);
  process.on('exit', destination.flush);
  return destination;
}

/** `,"time":"<RFC 3339 in UTC with milliseconds>"`; what changes once a second is kept, as formatting a date costs two microseconds. */
function createTimeField(): () => string {
  let second = NaN;
  let upToSecond = '';
  let ms = NaN;
  let field = '';
  return () => {
    const nowMs = Date.now();
    // A busy program has many lines in a millisecond.
    if (nowMs === ms) return field;
    const nowSecond = Math.floor(nowMs / 1000);
    if (nowSecond !== second) {
      second = nowSecond;
      upToSecond = `,"time":"${new Date(nowMs).toISOString().slice(0, -'mmmZ'.length)}`;
    }
    ms = nowMs;
    return (field = `${upToSecond}${String(nowMs % 1000).padStart(3, '0')}Z"`);
  };
}

/** Deeper chains of causes add nothing to a reader. */
const MAX_CAUSES = 4;

/** Of an error: its name, code, message, stack and causes; nothing else that a library hung on it (queries, rows, requests). */
export function errorFields(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { type: typeof error, message: cleanText(String(error)) };
  const code = 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? error.code : undefined;
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    message: cleanText(error.message),
    ...(error.stack === undefined ? {} : { stack: stackFrames(error.stack) }),
    ...(error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: errorFields(error.cause, depth + 1) }),
  };
}

/** The frames without the message, which they repeat. */
function stackFrames(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12)
    .map((line) => line.trim())
    .join(' < ');
}
