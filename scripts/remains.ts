/** What tests leave behind: processes of this checkout, ports they listen on, temporary folders. Linux only; elsewhere it finds nothing. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What every process started by this run inherits; another run on the same machine has another one. */
export const testRun = String(process.pid);
const mark = `VISAPI_TEST_RUN=${testRun}`;
/** A process that was told to stop at the end of the last test may need this long on a busy machine. */
const graceMs = 20_000;

/**
 * One sentence for each thing that is still there after a moment of grace.
 * @param folder the temporary folder that the tests were given
 */
export async function findRemains(folder: string): Promise<string[]> {
  const end = performance.now() + graceMs;
  for (;;) {
    const remains = [...leftProcesses(), ...leftFiles(folder)];
    if (remains.length === 0 || performance.now() > end) return remains;
    await sleep(100);
  }
}

/** Ends the processes that this run has left; they carry its mark. */
export function endProcesses(): void {
  for (const pid of markedProcesses()) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}

function leftFiles(folder: string): string[] {
  return readdirSync(folder).map((name) => `the tests left ${name} in their temporary folder`);
}

function leftProcesses(): string[] {
  const left = markedProcesses();
  if (left.length === 0) return [];
  const ports = listeningPorts();
  return left.map((pid) => {
    const words = read(`/proc/${pid}/cmdline`)
      .split('\0')
      .filter((word) => !word.startsWith('--'));
    const listens = ports.get(pid);
    return `the tests left process ${pid} (${words.join(' ').trim()})${listens ? `, listening on ${listens.join(', ')}` : ''}`;
  });
}

function markedProcesses(): string[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/environ`).split('\0').includes(mark));
}

function listeningPorts(): Map<string, string[]> {
  const ports = new Map<string, string[]>();
  let lines: string;
  try {
    lines = execFileSync('ss', ['-Hltnp'], { encoding: 'utf8' });
  } catch {
    // Without iproute2 a left process is named without its ports.
    return ports;
  }
  for (const line of lines.split('\n')) {
    const address = line.split(/\s+/)[3];
    for (const [, pid] of line.matchAll(/pid=(\d+)/g)) {
      if (pid && address) ports.set(pid, [...(ports.get(pid) ?? []), address]);
    }
  }
  return ports;
}

/** A process may end while we look. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
