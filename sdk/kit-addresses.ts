/** Where a user's `import ... from 'visapi'` leads to in a running program: to the program's own copy, wherever the user's file lies. */
export const KIT_ADDRESSES: Readonly<Record<string, string>> = {
  visapi: new URL('./visapi.ts', import.meta.url).href,
  'visapi/testing': new URL('./testing.ts', import.meta.url).href,
};
