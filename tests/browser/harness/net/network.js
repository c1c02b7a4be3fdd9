// Networks of the tests, made of Linux namespaces: this process's own, where the server runs; a router with a firewall
// and a name server; and hosts behind the router, each with browsers of its own. Run under tests/browser/networks.
//
//   here (server) ── eth0 │ out ── router ── lan1 │ eth0 ── host 1
//                                        └── lan2 │ eth0 ── host 2
//
// here      203.0.113.10, 2001:db8:1::10 (meet.example.test); 10.20.0.10, fd00:20::10 (lan.example.test)
// router    203.0.113.1, 2001:db8:1::1, 10.20.0.1, fd00:20::1; names: 203.0.113.53, 2001:db8:53::53
// host n    198.51.100.(16n+2) or, behind NAT, 192.168.n.2; 2001:db8:(100+n)::2
//
// The addresses of documentation (RFC 5737, RFC 3849) stand for public ones: browsers treat them so.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from '../browsers.js';
import { root } from '../paths.js';

/** Where the server is, by its name. */
export const servers = {
  'meet.example.test': ['203.0.113.10', '2001:db8:1::10'],
  'lan.example.test': ['10.20.0.10', 'fd00:20::10'],
};

/**
 * What a firewall drops without a word, in both directions.
 * stun-tcp: connections that begin with STUN or TURN outside TLS.
 * tcp-media: TCP to another port than 443.
 * @typedef {'udp' | 'tcp' | 'stun-tcp' | 'tcp-media'} Blocked
 */

/** @type {Record<Blocked, string[]>} */
const rules = {
  udp: ['meta l4proto udp drop'],
  tcp: ['meta l4proto tcp drop'],
  'stun-tcp': ['meta l4proto tcp @ih,0,16 0x0003 drop', 'meta l4proto tcp @ih,16,16 0x0001 drop'],
  // Not `!= 443`: nft 1.0.6 makes one comparison of the two, and all TCP would be dropped.
  'tcp-media': ['tcp dport { 0-442, 444-65535 } tcp sport { 0-442, 444-65535 } drop'],
};

/** @param {string} command with its arguments, separated by blanks */
const ip = (command) => execFileSync('ip', command.split(' '));

/** @param {string} file @param {string[]} args @param {string} [namespace] */
async function startHelper(file, args, namespace) {
  const line = [process.execPath, fileURLToPath(new URL(file, import.meta.url)), ...args];
  const [command, ...rest] = namespace ? ['nsenter', `--net=/run/netns/${namespace}`, ...line] : line;
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
  });
  return () => void child.kill();
}

export class Network {
  /** @type {(() => void)[]} */
  #ends = [];
  /** @type {Host[]} */
  #hosts = [];

  /** Makes the network without hosts. One at a time in a process. */
  static async start() {
    assert(process.env.TEST_CA, 'run this under tests/browser/networks');
    const network = new Network();
    ip('netns add router');
    ip('link add eth0 type veth peer name out netns router');
    up('', 'eth0');
    up('router', 'out');
    up('router', 'lo');
    for (const [address, gateway] of /** @type {const} */ ([
      ['203.0.113.10/24', '203.0.113.1'],
      ['2001:db8:1::10/64', '2001:db8:1::1'],
      ['10.20.0.10/24', '10.20.0.1'],
      ['fd00:20::10/64', 'fd00:20::1'],
    ])) {
      assign('', 'eth0', address);
      assign('router', 'out', `${gateway}/${address.split('/')[1]}`);
    }
    for (const address of ['203.0.113.53/32', '2001:db8:53::53/128']) assign('router', 'lo', address);
    ip('route add default via 203.0.113.1');
    ip('route add default via 2001:db8:1::1');
    inside('router', 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    network.#applyFirewalls();
    network.#ends.push(await startHelper('dns.js', [JSON.stringify(servers)], 'router'));
    return network;
  }

  /**
   * Adds a host behind the router.
   * @param {Addresses} [addresses] public ones of both families, unless given
   * @returns {Host}
   */
  host(addresses = {}) {
    const host = new Host(this.#hosts.length + 1, () => this.#applyFirewalls());
    host.readdress(addresses);
    this.#hosts.push(host);
    return host;
  }

  /** Sets all rules of the router at once. */
  #applyFirewalls() {
    const forward = this.#hosts.flatMap((host) =>
      host.blocked
        .flatMap((what) => rules[what])
        .flatMap((rule) => [`iifname ${host.device} ${rule}`, `oifname ${host.device} ${rule}`]),
    );
    const input = `flush ruleset
      table inet firewall {
        chain forward { type filter hook forward priority 0; ${forward.join('; ')}; }
      }
      table ip nat {
        chain out { type nat hook postrouting priority 100; ip saddr 192.168.0.0/16 oifname out masquerade; }
      }`;
    inside('router', { input }, 'nft', '-f', '-');
  }

  /** Ends what runs in the network, and the network. */
  stop() {
    for (const host of this.#hosts) host.stop();
    for (const end of this.#ends.splice(0)) end();
    try {
      ip('link delete eth0');
    } finally {
      for (const name of ['router', ...this.#hosts.map((host) => host.namespace)]) ip(`netns delete ${name}`);
    }
  }
}

/**
 * Which addresses a host has. nat: its IPv4 address is private, and the router's stands for it. v4, v6: false for none
 * of that family.
 * @typedef {{nat?: boolean, v4?: boolean, v6?: boolean}} Addresses
 */

/** A machine behind the router. */
export class Host {
  /** @type {Blocked[]} what the router drops of what comes from this host or goes to it */
  blocked = [];
  /** @type {(() => void)[]} */
  #ends = [];
  #apply;
  #number;
  /** @type {Addresses} */
  #addresses = {};
  #last = 1; // of the address within the host's network; the router has 1

  /**
   * Not called by tests: see Network.host().
   * @param {number} number
   * @param {() => void} apply sets the firewall anew
   */
  constructor(number, apply) {
    this.#number = number;
    this.#apply = apply;
    this.namespace = `host${number}`;
    this.device = `lan${number}`;
    ip(`netns add ${this.namespace}`);
    ip(`link add ${this.device} netns router type veth peer name eth0 netns ${this.namespace}`);
    up('router', this.device);
    up(this.namespace, 'eth0');
    up(this.namespace, 'lo');
    for (const network of this.#networks({ nat: true }).concat(this.#networks({ v6: false }))) {
      assign('router', this.device, network.at(1));
    }
  }

  /** @param {Addresses} addresses @returns {{at: (n: number) => string}[]} the networks this host is in */
  #networks({ nat = false, v4 = true, v6 = true }) {
    const n = this.#number;
    const networks = [];
    if (v4 && nat) networks.push({ at: (/** @type {number} */ i) => `192.168.${n}.${i}/24` });
    if (v4 && !nat) networks.push({ at: (/** @type {number} */ i) => `198.51.100.${16 * n + i}/28` });
    if (v6) networks.push({ at: (/** @type {number} */ i) => `2001:db8:${100 + n}::${i}/64` });
    return networks;
  }

  /**
   * Gives the host other addresses, as a change of the network does: the old ones are gone, and none is the same.
   * @param {Addresses} [addresses] as they were, unless given
   */
  readdress(addresses = this.#addresses) {
    this.#addresses = addresses;
    this.#last = this.#last < 13 ? this.#last + 1 : 2;
    for (const family of ['-4', '-6']) ip(`-n ${this.namespace} ${family} address flush dev eth0 scope global`);
    for (const { at } of this.#networks(addresses)) {
      assign(this.namespace, 'eth0', at(this.#last));
      ip(`-n ${this.namespace} route replace default via ${at(1).split('/')[0]}`);
    }
  }

  /** @param {...Blocked} what is dropped from now on, connections that exist included; nothing lets all pass */
  block(...what) {
    this.blocked = what;
    this.#apply();
  }

  /** Pulls the cable out, or puts it back. @param {boolean} connected */
  cable(connected) {
    ip(`-n router link set ${this.device} ${connected ? 'up' : 'down'}`);
  }

  /** @param {'SIGSTOP' | 'SIGCONT'} name sent to all processes of the host: it falls asleep, or wakes up */
  signal(name) {
    const pids = execFileSync('ip', ['netns', 'pids', this.namespace], { encoding: 'utf8' });
    for (const pid of pids.split('\n').filter(Boolean)) process.kill(Number(pid), name);
  }

  /** @param {string} command @param {...string} args @returns {string} what it prints */
  run(command, ...args) {
    return inside(this.namespace, command, ...args);
  }

  /**
   * Starts a browser on the host, with a slow test picture. It trusts the test's authority.
   * @param {import('../browsers.js').Kind} kind
   * @param {Record<string, string | number | boolean>} [prefs] further ones of Firefox
   * @returns {Promise<import('playwright-core').Browser>}
   */
  async launch(kind, prefs) {
    /** @type {Record<string, string>} */
    const env = { NETNS: this.namespace, BROWSER: kind === 'chromium' ? '/usr/bin/chromium' : '/usr/bin/firefox-esr' };
    if (kind === 'chromium') env.HOME = path.join(String(process.env.TEST_CA), 'home');
    if (kind === 'firefox') env.REMOTE_PORT = String(await this.#remotePort());
    return launch(kind, prefs, { env, fps: 5, executablePath: path.join(root, 'tests/browser/in-namespace') });
  }

  /** @returns {Promise<number>} a port of this process's loopback that leads to the same one of the host */
  async #remotePort() {
    const server = net.createServer();
    await new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(undefined));
    });
    const { port } = /** @type {net.AddressInfo} */ (server.address());
    const file = `/run/${this.namespace}-${port}.sock`;
    server.on('connection', (near) => {
      const far = net.connect(file);
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    });
    const end = await startHelper('pipe.js', [file, String(port)], this.namespace);
    this.#ends.push(end, () => server.close());
    return port;
  }

  stop() {
    for (const end of this.#ends.splice(0)) end();
  }
}

/**
 * Sets an interface up. No IPv6 address of its own turns up a second later: the one that neighbours need is given.
 * @param {string} namespace empty for this process's own
 * @param {string} device
 */
function up(namespace, device) {
  const prefix = namespace ? `-n ${namespace} ` : '';
  if (device !== 'lo') ip(`${prefix}link set ${device} addrgenmode none`);
  ip(`${prefix}link set ${device} up`);
  if (device !== 'lo') assign(namespace, device, namespace === 'router' ? 'fe80::1/64' : 'fe80::2/64');
}

/** @param {string} namespace @param {string} device @param {string} address with its prefix */
function assign(namespace, device, address) {
  const nodad = address.includes(':') ? ' nodad' : '';
  ip(`${namespace ? `-n ${namespace} ` : ''}address add ${address} dev ${device}${nodad}`);
}

/**
 * Runs a command in a namespace.
 * @param {string} namespace @param {...(string | {input: string})} line
 * @returns {string} what it prints
 */
function inside(namespace, ...line) {
  const options = line.find((part) => typeof part !== 'string') ?? {};
  const args = line.filter((part) => typeof part === 'string');
  return execFileSync('nsenter', [`--net=/run/netns/${namespace}`, ...args], { encoding: 'utf8', ...options });
}
