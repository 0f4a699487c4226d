import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Way } from './fault-proxy.ts';

/** Where one server runs: in a network namespace of its own, with one address. */
export interface NetworkPlace {
  readonly host: string;
  /** In front of a command, so that it runs there. */
  readonly enter: readonly string[];
}

/** Machines of a network of their own, as far as servers can tell; this machine reaches them all. */
export interface BrokerNetwork {
  readonly places: readonly NetworkPlace[];
  /** From now on what one place sends to the other ones is lost, or what it should hear of them. Nobody is told, and we still reach it. */
  cut(place: number, ways: readonly Way[]): void;
  /** May be called at any time. */
  heal(): void;
  /** May be called twice. */
  remove(): void;
}

/** For tests of networks alone (RFC 2544, RFC 6890): nobody else has it. */
const NET = '198.18';
const SMALLEST_NETS = 254;
/** Ours in each of these networks. */
const OWN = 254;
/** Nobody's, and marked as made up here (IEEE 802, the local bit). */
const NOBODY = '02:00:00:00:00:ff';
const DEVICE = 'eth0';

/**
 * Makes namespaces that are joined by a bridge (ip-netns(8), veth(4)).
 * @returns why it cannot be done on this machine: it takes root, and iproute2 and nsenter of Debian's packages
 */
export function createBrokerNetwork(count: number): BrokerNetwork | string {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'namespaces of the network can only be made by root on Linux';
  const { pid } = process;
  const net = freeNet(pid);
  if (net === undefined) return `every network in ${NET}.0.0/16 is taken`;
  const bridge = `vis${pid}b`;
  const places = Array.from({ length: count }, (_, at) => ({
    namespace: `visapi-${pid}-${at + 1}`,
    veth: `vis${pid}v${at + 1}`,
    host: `${net}.${at + 1}`,
  }));
  const failure =
    run('nsenter', '--version') ??
    ip('link', 'add', bridge, 'type', 'bridge') ??
    ip('address', 'add', `${net}.${OWN}/24`, 'dev', bridge) ??
    ip('link', 'set', bridge, 'up') ??
    first(places, ({ namespace, veth, host }) => {
      const within = ['-n', namespace];
      return (
        ip('netns', 'add', namespace) ??
        ip('link', 'add', veth, 'type', 'veth', 'peer', 'name', DEVICE, 'netns', namespace) ??
        ip('link', 'set', veth, 'master', bridge, 'up') ??
        ip(...within, 'address', 'add', `${host}/24`, 'dev', DEVICE) ??
        ip(...within, 'link', 'set', DEVICE, 'up') ??
        ip(...within, 'link', 'set', 'lo', 'up')
      );
    });
  const remove = (): void => removeNetwork(pid);
  if (failure !== undefined) {
    remove();
    return failure;
  }
  const silenced: (readonly [namespace: string, host: string])[] = [];
  return {
    places: places.map(({ namespace, host }) => ({ host, enter: ['nsenter', `--net=/run/netns/${namespace}`, '--'] })),
    cut(place, ways) {
      const one = places[place]!;
      for (const other of places) {
        if (other === one) continue;
        // Frames go to an address that nobody has: no error, no reset, as behind a switch that has failed.
        for (const way of ways) {
          const [from, to] = way === 'to-server' ? [one, other] : [other, one];
          must(ip('-n', from.namespace, 'neighbour', 'replace', to.host, 'lladdr', NOBODY, 'dev', DEVICE, 'nud', 'permanent'));
          silenced.push([from.namespace, to.host]);
        }
      }
    },
    heal() {
      for (const [namespace, host] of silenced.splice(0)) ip('-n', namespace, 'neighbour', 'del', host, 'dev', DEVICE);
    },
    remove,
  };
}

/** Removes the networks of processes that are gone. */
export function removeLeftNetworks(): void {
  const { stdout } = spawnSync('ip', ['-o', 'link', 'show', 'type', 'bridge'], { encoding: 'utf8' });
  for (const [, pid] of (stdout ?? '').matchAll(/ vis(\d+)b[:@]/g))
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeNetwork(Number(pid));
}

function removeNetwork(pid: number): void {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  const names = [...(stdout ?? '').matchAll(/^(visapi-(\d+)-\d+)\b/gm)].filter(([, , owner]) => owner === String(pid));
  for (const [, namespace = ''] of names) {
    // With its other end; a namespace goes when its last process does.
    ip('link', 'del', `vis${pid}v${namespace.split('-').at(-1)}`);
    ip('netns', 'del', namespace);
  }
  ip('link', 'del', `vis${pid}b`);
}

/** The first that nobody has, from one that depends on the process, so that two rarely meet. */
function freeNet(pid: number): string | undefined {
  const { stdout } = spawnSync('ip', ['-4', 'route', 'show'], { encoding: 'utf8' });
  const numbers = Array.from({ length: SMALLEST_NETS }, (_, index) => ((pid + index) % SMALLEST_NETS) + 1);
  const free = numbers.find((number) => !(stdout ?? '').includes(`${NET}.${number}.`));
  return free === undefined ? undefined : `${NET}.${free}`;
}

function first<Item>(items: readonly Item[], failureOf: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const failure = failureOf(item);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

const ip = (...args: string[]): string | undefined => run('ip', ...args);

/** @returns what went wrong; undefined where nothing did */
function run(command: string, ...args: string[]): string | undefined {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) return `${command} cannot be run (${error.message})`;
  return status === 0 ? undefined : `${command} ${args.join(' ')} ended with ${status}: ${stderr.trim()}`;
}

function must(failure: string | undefined): void {
  if (failure !== undefined) throw new Error(failure);
}
