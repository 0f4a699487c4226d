/**
 * A browser in a box. Owns the browser's process, what it may see, and its end; knows nothing of pages.
 *
 * 1. It is not root, and has no capability: where we are root it runs as `nobody`, else as ourselves in a user namespace.
 * 2. It has a network namespace of its own without any address, not even the loopback's; we talk to it over two pipes.
 * 3. Its `/tmp` is a memory file system of bounded size that ends with it, so it leaves no file, however it ends.
 * 4. It is process 1 of a process namespace: when that one is killed the kernel kills all others first, so nothing of it is left once
 *    `gone` resolves. When we die it is killed as well.
 * 5. Its own sandbox is on. There is no flag here that turns any of it off.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { createPipeTransport } from './pipe-transport.ts';
import type { BrowserBinary } from './find-browser.ts';
import { childrenOf, processTree, type ProcessFacts } from './process-tree.ts';
import type { ConnectionTransport } from 'puppeteer-core';

export interface BrowserBox {
  readonly transport: ConnectionTransport;
  /** Resolves when the browser and everything that it started are gone. Never rejects. */
  readonly gone: Promise<void>;
  /** Kills all of it; resolves with `gone`. May be called twice. */
  kill(): Promise<void>;
  /** The browser and all that it started; empty once it is gone. */
  processes(): ProcessFacts[];
  /** The last that it wrote to its standard error. */
  lastWords(): string;
}

/** A user that owns nothing: `nobody` of every distribution. */
const NOBODY = '65534';
/** Profile, shared memory and font cache together; a page that wants more crashes. */
const TMP_BYTES = 512 * 1024 * 1024;
const LAST_WORDS_LENGTH = 2_000;

/**
 * Runs as root of its namespaces: covers /tmp, shows the browser's folder there, and becomes the browser as nobody. What lies under
 * /tmp on the outside (a clone, its cache) has to be shown before it is covered.
 */
const INSIDE = `set -e
if [ -n "$FOLDER" ]; then mount --bind "$FOLDER" /mnt; fi
mount -t tmpfs -o size=${TMP_BYTES},mode=0755,nosuid,nodev visapi /tmp
mkdir /tmp/browser /tmp/home /tmp/fonts
if [ -n "$FOLDER" ]; then mount --bind /mnt /tmp/browser; fi
mount -t proc proc /proc 2>/dev/null || true
printf %s "$FONTS" > /tmp/fonts/fonts.conf
chmod 1777 /tmp/home
cd /tmp/home
unset FOLDER FONTS
become_nobody() {
  if [ "$OUTSIDE" = root ]; then exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs --pdeathsig=KILL -- "$@"
  else exec unshare --user --map-user=${NOBODY} --map-group=${NOBODY} -- setpriv --no-new-privs --pdeathsig=KILL -- "$@"; fi
}
become_nobody "$@"
`;

/** Fonts of the system and of the browser's folder. Which of them a text uses is the template's choice. */
const FONTS = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig>
<dir>/usr/share/fonts</dir><dir>/usr/local/share/fonts</dir><dir>/tmp/browser/usr/share/fonts</dir>
<cachedir>/var/cache/fontconfig</cachedir><cachedir>/tmp/home/fontconfig</cachedir>
<alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
<alias><family>serif</family><prefer><family>DejaVu Serif</family><family>DejaVu Sans</family></prefer></alias>
<alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>`;

/** Nothing here opens a way: each flag turns off what printing does not need, or bounds it. */
const FLAGS = [
  '--headless',
  '--remote-debugging-pipe',
  '--user-data-dir=/tmp/home/profile',
  // /dev/shm is the whole machine's; /tmp is the box's own.
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-extensions',
  '--disable-sync',
  '--disable-breakpad',
  '--disable-crash-reporter',
  '--disable-hang-monitor',
  '--disable-popup-blocking',
  '--disable-features=Translate,MediaRouter,OptimizationHints,AcceptCHFrame,BackForwardCache',
  '--mute-audio',
  // A page may be opened that draws nothing for a screen.
  '--enable-begin-frame-control',
  '--hide-scrollbars',
  // The second wall behind the empty namespace: no name resolves, to nothing.
  '--host-resolver-rules=MAP * ~NOTFOUND',
  '--proxy-server=http://127.0.0.1:9',
  '--proxy-bypass-list=<-loopback>',
  // The same page looks the same on every machine.
  '--force-color-profile=srgb',
  '--font-render-hinting=none',
  '--lang=en-US',
];

/** For every page and frame of all its processes. Nothing that a page says or is told changes it. */
const NO_SCRIPTS = '--blink-settings=scriptEnabled=false';

export interface BoxOptions {
  /** Whether pages may run scripts. (Default: no) */
  readonly javaScript?: boolean;
}

/** Starts a browser in a box. It is known to run only once something on its transport was answered. */
export function startBrowserBox(binary: BrowserBinary, { javaScript = false }: BoxOptions = {}): BrowserBox {
  const isRoot = process.getuid?.() === 0;
  const namespaces = ['--net', '--pid', '--mount', '--ipc', '--uts', '--fork', '--kill-child=KILL'];
  const program = binary.folder === undefined ? binary.executable : binary.executable.replace(binary.folder, '/tmp/browser');
  // Detached: Ctrl-C in a terminal reaches us alone.
  const child = spawn(
    'setpriv',
    [
      '--pdeathsig=KILL',
      '--',
      'unshare',
      ...(isRoot ? [] : ['--user', '--map-root-user']),
      ...namespaces,
      '--',
      'sh',
      '-c',
      INSIDE,
      'sh',
      program,
      ...FLAGS,
      ...(javaScript ? [] : [NO_SCRIPTS]),
    ],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'], detached: true, cwd: '/', env: environment(binary, isRoot) },
  );
  const words: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words.push(text);
    if (words.length > 100) words.splice(0, 50);
  });
  const transport = createPipeTransport(child.stdio[3] as Duplex, child.stdio[4] as Duplex);
  const gone = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      words.push(error.message);
      resolve();
    });
    // `unshare` ends when process 1 of the namespace has been collected, which is the last of them.
    child.once('exit', () => resolve());
  }).then(() => transport.close());
  return {
    transport,
    gone,
    kill() {
      killBox(child);
      return gone;
    },
    processes: () => (child.pid === undefined ? [] : childrenOf(child.pid).flatMap(processTree)),
    lastWords: () => words.join('').trim().slice(-LAST_WORDS_LENGTH),
  };
}

/** Process 1 first, so that its end is waited for; before there is one, who would start it. */
function killBox(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const inside = childrenOf(pid);
  for (const process1 of inside) kill(process1);
  if (inside.length === 0) kill(pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Nothing of our own environment: it has secrets. */
function environment({ folder, libraries }: BrowserBinary, isRoot: boolean): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    OUTSIDE: isRoot ? 'root' : 'user',
    FOLDER: folder ?? '',
    FONTS,
    FONTCONFIG_FILE: '/tmp/fonts/fonts.conf',
    HOME: '/tmp/home',
    TMPDIR: '/tmp/home',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    // There is none, and looking for it costs time.
    DBUS_SESSION_BUS_ADDRESS: 'disabled:',
    DBUS_SYSTEM_BUS_ADDRESS: 'disabled:',
    ...(folder === undefined || libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.map((at) => `/tmp/browser/${at}`).join(':') }),
  };
}
