import type { Role } from './role.ts';
import type { Scene } from './experiment.ts';
import type { Ward } from './ward.ts';

/** For what is over when it is over: a kill needs no undo but the start that the ward sees to. */
export const nothingToUndo = (): Promise<void> => Promise.resolve();

/** One of the processes with these roles, by lot. */
export function pick(scene: Scene, ...roles: readonly Role[]): Ward {
  const wards = roles.flatMap((role) => scene.system.wards[role]);
  return wards[Math.floor(scene.random() * wards.length)]!;
}

/** kill -9. @returns whether it ran; resolves when that life is over, and it is started again */
export async function killAndWait(scene: Scene, ward: Ward): Promise<boolean> {
  if (ward.pid === undefined) return false;
  return await scene.during(`kill ${ward.name}`, async () => {
    const down = ward.whenDown();
    if (!ward.signal('SIGKILL')) return false;
    await down;
    scene.count('kills');
    return true;
  });
}

/** Stops a part at once and keeps it down for a while. */
export async function keepDown(scene: Scene, ward: Ward, signal: NodeJS.Signals, ms: number): Promise<void> {
  await scene.during(`${ward.name} is down`, async () => {
    ward.hold();
    try {
      const down = ward.whenDown();
      ward.signal(signal);
      await down;
      scene.count('kills');
      await scene.wait(ms);
    } finally {
      ward.release();
    }
  });
}

/** SIGSTOP for a while. What stands still does not know it. */
export async function pause(scene: Scene, ward: Ward, ms: number): Promise<boolean> {
  if (ward.pid === undefined) return false;
  return await scene.during(`${ward.name} stands still`, async () => {
    if (!ward.signal('SIGSTOP')) return false;
    try {
      scene.count('pauses');
      await scene.wait(ms);
    } finally {
      ward.signal('SIGCONT');
    }
    return true;
  });
}
