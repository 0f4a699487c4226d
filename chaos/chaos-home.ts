import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { localHome } from '../lib/dev/local-home.ts';
import { removeLeftNetworks } from '../lib/dev/broker-network.ts';
import { endLeftovers } from '../lib/dev/pid-file.ts';
import { removeControlGroups } from './control-group.ts';

/** Where experiments keep everything; nothing outside of it is touched. */
export interface ChaosHome {
  readonly root: string;
  /** Pid files of what runs, the runner's own among them. */
  readonly run: string;
  /** The data of the experiment that runs; gone after it. */
  readonly work: string;
  /** History and logs of experiments that did not hold. */
  readonly kept: string;
  readonly results: string;
  /** Downloaded servers, shared with all else. */
  readonly cache: string;
}

/** The pid file of the one runner. */
export const RUNNER = 'chaos';

/** @param root (Default: the folder `chaos` in `.visapi`, or in what VISAPI_HOME names) */
export function chaosHome(root?: string): ChaosHome {
  const home = localHome();
  const own = root ?? join(home.root, 'chaos');
  return {
    root: own,
    run: join(own, 'run'),
    work: join(own, 'work'),
    kept: join(own, 'kept'),
    results: join(own, 'results'),
    cache: home.cache,
  };
}

/** Ends and undoes what a runner that is gone has left: processes, frozen ones too, control groups, mounts, data. */
export async function clearLeftovers(home: ChaosHome, say: (line: string) => void): Promise<void> {
  await endLeftovers(home.run, RUNNER, say);
  removeControlGroups();
  removeLeftNetworks();
  for (const path of mountsBelow(home.root)) {
    say(`unmounting ${path}`);
    spawnSync('umount', ['-l', path]);
  }
  rmSync(home.work, { recursive: true, force: true });
}

function mountsBelow(root: string): string[] {
  try {
    const paths = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      // Blanks in a path are written as \040 there, see fstab(5).
      .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '));
    return paths.filter((path) => path.startsWith(`${root}/`));
  } catch {
    return [];
  }
}

/** Pid files in the folder, by name; for a look from outside. */
export function namesOfRunning(home: ChaosHome): string[] {
  try {
    return readdirSync(home.run).map((file) => file.replace(/\.pid$/, ''));
  } catch {
    return [];
  }
}
