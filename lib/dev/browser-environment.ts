import { localHome } from './local-home.ts';

/** What a program that a test starts needs to find the browser that `npm test` sees to. */
export function browserEnvironment(): NodeJS.ProcessEnv {
  const { PATH, CHROMIUM_PATH } = process.env;
  return { PATH, ...(CHROMIUM_PATH === undefined ? {} : { CHROMIUM_PATH }), VISAPI_HOME: localHome('.visapi').root };
}
