/** `repository.full_name`, `items.0.id`: names and indexes between dots. */
export const BODY_PATH = /^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,15}$/;

/** What is at a path, where it is a text, a number or a boolean; of own properties only, whatever the body is. */
export function textAt(value: unknown, path: string): string | undefined {
  let at = value;
  for (const name of path.split('.')) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  if (typeof at === 'string') return at === '' ? undefined : at;
  return typeof at === 'number' || typeof at === 'boolean' ? String(at) : undefined;
}
