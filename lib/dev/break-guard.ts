// Loaded in front of everything else (`node --import`) by `npm run prove`, and by nothing that ships.
const guard = process.env['VISAPI_BREAK'];
if (guard !== undefined) {
  if ([process.env['NODE_ENV'], process.env['VISAPI_ENV']].includes('production'))
    throw new Error('VISAPI_BREAK: expected no broken guard in production');
  // Before the module is loaded that reads it, once.
  Reflect.set(globalThis, Symbol.for('visapi.broken-guard'), guard);
  const { GUARDS } = await import('../core/guards.ts');
  if (!(GUARDS as readonly string[]).includes(guard)) throw new Error(`VISAPI_BREAK: expected one of ${GUARDS.join(', ')}, got ${guard}`);
}

export {};
