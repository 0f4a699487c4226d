type Fields = Readonly<Record<string, unknown>>;

/** A step in a stored document, by its path (`route.0.inner`); undefined where there is none. */
export function stepAt(document: unknown, path: string): unknown {
  const [id, arm, ...inner] = path.split('.');
  const step = listOf(fieldsOf(document)['steps']).find((each) => fieldsOf(each)['id'] === id);
  if (arm === undefined) return step;
  const { branches, else: otherwise } = fieldsOf(step);
  const steps = arm === 'else' ? otherwise : fieldsOf(listOf(branches)[Number(arm)])['steps'];
  return stepAt({ steps }, inner.join('.'));
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
