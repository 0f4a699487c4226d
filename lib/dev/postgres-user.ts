import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RunAs } from './child-process.ts';

/** In order of preference; both are in Debian's and most other systems' list of users. No user is ever created. */
const candidates = ['postgres', 'nobody'];

/**
 * PostgreSQL refuses to run as root. As root we run it as an existing user without rights; as anybody else, as ourselves.
 * @param paths what that user has to reach
 */
export async function chooseDatabaseUser(paths: readonly string[]): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of candidates) {
    const user = users.find(([login]) => login === name);
    if (user) return { uid: Number(user[2]), gid: Number(user[3]), passFolders: !(await canBeReached(paths)) };
  }
  throw new Error(`PostgreSQL does not run as root: expected one of the users ${candidates.join(', ')} in /etc/passwd, found none`);
}

async function canBeReached(paths: readonly string[]): Promise<boolean> {
  const anyoneMayEnter = 0o001;
  for (const path of paths) {
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      if (((await stat(folder)).mode & anyoneMayEnter) === 0) return false;
      if (folder === dirname(folder)) break;
    }
  }
  return true;
}
