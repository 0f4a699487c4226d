import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBrokerNetwork } from '../lib/dev/broker-network.ts';
import { createLoopDisk } from '../lib/dev/loop-disk.ts';
import { mountSmallDisk } from '../lib/dev/small-disk.ts';
import { createControlGroup } from './control-group.ts';

/** What an experiment may want of the machine beyond what `npm start` wants. */
export type Need = 'power-disk' | 'small-disk' | 'memory-group' | 'cpu-group' | 'prlimit' | 'linux' | 'namespaces';

const known = new Map<Need, string | undefined>();

/** @returns why the machine does not have it; undefined where it has. It is tried out, once. */
export function whyMissing(need: Need): string | undefined {
  if (!known.has(need)) known.set(need, tryOut(need));
  return known.get(need);
}

function tryOut(need: Need): string | undefined {
  switch (need) {
    case 'linux':
      return process.platform === 'linux' ? undefined : 'signals and /proc of Linux are needed';
    case 'prlimit': {
      const { error } = spawnSync('prlimit', ['--version']);
      return error === undefined ? undefined : 'prlimit (util-linux) is missing';
    }
    case 'memory-group':
    case 'cpu-group': {
      const limit = need === 'memory-group' ? ({ kind: 'memory', bytes: 64 * 1024 ** 2 } as const) : ({ kind: 'cpu', cores: 1 } as const);
      const group = createControlGroup(limit);
      if (typeof group === 'string') return group;
      group.remove();
      return undefined;
    }
    case 'namespaces': {
      const network = createBrokerNetwork(1);
      if (typeof network === 'string') return network;
      network.remove();
      return undefined;
    }
    case 'power-disk':
      return inFolder((folder) => createLoopDisk(folder));
    case 'small-disk':
      return inFolder((folder) => mountSmallDisk(join(folder, 'disk'), 1_048_576));
  }
}

function inFolder(make: (folder: string) => { remove(): void } | string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-chaos-check-'));
  try {
    const disk = make(folder);
    if (typeof disk === 'string') return disk;
    disk.remove();
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
