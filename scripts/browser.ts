/** `npm run browser`: sees to it that documents can be rendered on this machine. What it fetches lies under .visapi. */
import { ensureBrowser } from '../lib/dev/browser-debian.ts';
import { localHome } from '../lib/dev/local-home.ts';

const say = (line: string): void => console.error(`visapi: ${line}`);

try {
  const { version, executable } = await ensureBrowser({
    cache: localHome().cache,
    say,
    path: process.env['CHROMIUM_PATH'],
    searchPath: process.env['PATH'],
  });
  say(`Chromium ${version}: ${executable}`);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  if (error instanceof Error && typeof error.cause === 'string') say(error.cause);
  process.exitCode = 1;
}
