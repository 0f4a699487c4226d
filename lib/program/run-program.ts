import { readFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import type { CommonConfig } from '../config/common.ts';
import { AppError, toAppError } from '../core/app-error.ts';
import type { Service } from '../core/service.ts';
import { createLog } from '../telemetry/log.ts';
import type { Logger } from '../telemetry/log.ts';
import { createRegistry, watchdogMetric } from '../telemetry/metrics.ts';
import { readWatchdogNote, writeWatchdogNote } from './watchdog-note.ts';
import { startWatchdog } from './watchdog.ts';

/** What a program's `start` is given. */
export interface ProgramContext<Config> {
  readonly config: Config;
  readonly log: Logger;
  readonly registry: Registry;
  readonly version: string;
  /** Something that the program cannot live without is gone for good: stops it and exits with 1. */
  readonly fail: (error: unknown) => void;
}

export interface Program<Config extends CommonConfig> {
  readonly name: string;
  /** See `LogOptions.byTurn`. (Default: false) */
  readonly logsByTurn?: boolean;
  /** Parses the environment; throws `invalid_config` with all problems. */
  readonly readConfig: () => Config;
  /** Builds and starts everything, and resolves when it works. What it returns is stopped at the end. */
  readonly start: (context: ProgramContext<Config>) => Promise<Pick<Service, 'stop'>>;
}

/**
 * Exit codes: 0 after a clean stop; 1 after an error; 78 (EX_CONFIG of sysexits.h) when the configuration or the broker
 * does not fit, where starting again does not help.
 */
export const EXIT = { clean: 0, failed: 1, misconfigured: 78 } as const;

/** The project's version, from its package.json. */
export function projectVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return manifest !== null && typeof manifest === 'object' && 'version' in manifest ? String(manifest.version) : 'unknown';
}

/**
 * Runs a program from its configuration to its exit code, and never returns to a half-dead state:
 * 1. SIGTERM, SIGINT and a supervisor that goes away (its IPC channel disconnects) stop it gracefully, within
 *    `STOP_TIMEOUT_MS`; further signals change nothing.
 * 2. An uncaught error or an unhandled rejection is logged, and the process exits with 1 at once.
 * 3. An event loop that is blocked longer than `WATCHDOG_MS` kills the process, and the next one tells it.
 */
export async function runProgram<Config extends CommonConfig>(program: Program<Config>): Promise<void> {
  let config: Config;
  try {
    config = program.readConfig();
  } catch (error) {
    return exitWithText(`${program.name}: ${error instanceof Error ? error.message : String(error)}`, EXIT.misconfigured);
  }
  const version = projectVersion();
  const log = createLog({ program: program.name, env: config.env, version, level: config.logLevel, byTurn: program.logsByTurn ?? false });
  process.on('uncaughtException', (error) => {
    logFatal(log, error, 'uncaught error');
    process.exit(EXIT.failed);
  });

  let ended = false;
  let announceEnd: (reason: string, exitCode: number) => void = () => undefined;
  const end = new Promise<{ reason: string; exitCode: number }>((resolve) => {
    announceEnd = (reason, exitCode) => {
      ended = true;
      resolve({ reason, exitCode });
    };
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => announceEnd(signal, EXIT.clean));
  process.on('disconnect', () => announceEnd('supervisor gone', EXIT.clean));
  const fail = (error: unknown) => {
    if (!ended) logFatal(log, error, 'cannot go on');
    announceEnd('failed', EXIT.failed);
  };

  log.info({ config, pid: process.pid }, 'starting');
  // The watch lasts as long as the process: a stop that blocks the loop must end too.
  const noteFile = config.watchdogFile ?? join(tmpdir(), `visapi-watchdog-${instanceOf(config) ?? program.name}.json`);
  startWatchdog(program.name, config.watchdogMs, noteFile);
  const registry = createRegistry({ program: program.name, version, env: config.env });
  tellLastEnd(noteFile, log, registry);
  const starting = program.start({ config, log, registry, version, fail });
  starting.then(
    () => log.info({ ms: Math.round(performance.now()) }, 'started'),
    (error: unknown) => {
      logFatal(log, toAppError(error, 'start_failed'), 'could not start');
      announceEnd('start failed', exitCodeOf(error));
    },
  );

  const { reason, exitCode } = await end;
  log.info({ reason }, 'stopping');
  process.exit(await stopInTime(log, starting, exitCode, config.stopTimeoutMs));
}

/** The name of this process among others of its program; not every program has one. */
function instanceOf(config: CommonConfig & { readonly instance?: string }): string | undefined {
  return config.instance;
}

/** What the watchdog did cannot be measured by the process that it ended: the next one says it. */
function tellLastEnd(noteFile: string, log: Logger, registry: Registry): void {
  const note = readWatchdogNote(noteFile);
  watchdogMetric(registry).inc(note?.count ?? 0);
  if (note === undefined || note.isTold) return;
  log.warn({ count: note.count, ...note.inHand, because: `it stood still at ${note.at}` }, 'the watchdog has ended the last process');
  writeWatchdogNote(noteFile, { ...note, isTold: true });
}

async function stopInTime(log: Logger, starting: Promise<Pick<Service, 'stop'>>, exitCode: number, timeoutMs: number): Promise<number> {
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new AppError('stop_failed', `expected to stop within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    const stopping = starting.then(
      (service) => service.stop(),
      () => undefined,
    );
    await Promise.race([stopping, late]);
    log.info({ ms: Math.round(performance.now() - startedAt), exitCode }, 'stopped');
    return exitCode;
  } catch (error) {
    logFatal(log, error, 'did not stop cleanly');
    return EXIT.failed;
  } finally {
    clearTimeout(timer);
  }
}

function exitCodeOf(error: unknown): number {
  const misconfigured = error instanceof AppError && (error.code === 'invalid_config' || error.code === 'unsafe_broker');
  return misconfigured ? EXIT.misconfigured : EXIT.failed;
}

/** A log that cannot be written (its reader is gone) must not keep the process alive. */
function logFatal(log: Logger, error: unknown, text: string): void {
  try {
    log.fatal({ err: error }, text);
  } catch {
    process.exitCode = EXIT.failed;
  }
}

function exitWithText(text: string, code: number): never {
  writeSync(2, `${text}\n`);
  process.exit(code);
}
