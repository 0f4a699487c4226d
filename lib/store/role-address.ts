import { type DatabaseProgram, roleOf } from './table-rights.ts';

/** The same database, for one program with its own role. */
export function roleAddress(url: string, program: DatabaseProgram, password: string): string {
  const address = new URL(url);
  address.username = roleOf(program);
  address.password = password;
  return address.toString();
}
