// The networks that people come from, and how media must pass there.

/** @typedef {import('./network.js').Addresses} Addresses */

/**
 * How the server is run. addresses: of both people's hosts. mediaPort: 443 unless given.
 * @type {Record<string, {addresses: Addresses, domain?: 'lan.example.test', proxy?: boolean, mediaPort?: number}>}
 */
export const sites = {
  'a public server': { addresses: {} },
  'a public server, both people behind NAT': { addresses: { nat: true, v6: false } },
  'a public server, IPv6 only': { addresses: { v4: false } },
  'a server on a private address': { addresses: { nat: true, v6: false }, domain: 'lan.example.test' },
  'a server behind a proxy': { addresses: {}, proxy: true },
  'a server behind a proxy, with a port for media': { addresses: {}, proxy: true, mediaPort: 3478 },
};

/** @typedef {'udp' | 'tcp' | 'turn' | 'turns'} Way as the connection check names them */

/**
 * route: of media, as in Flow; none where nothing but signaling passes. ways: those that the connection check finds
 * open. missing: those that the server doesn't offer. firefox: what differs there.
 * @typedef {{site: keyof typeof sites, name: string, blocked: import('./network.js').Blocked[],
 *   route?: RegExp, ways: Way[], missing?: Way[], firefox?: {route: RegExp, ways: Way[]}}} Condition
 */

const [open, nat, v6, lan, proxied, beside] = Object.keys(sites);

/** @type {Way[]} */
const all = ['udp', 'tcp', 'turn', 'turns'];
/** @type {Way[]} */
const streams = ['tcp', 'turn', 'turns'];

/** @type {Condition[]} */
export const conditions = [
  { site: open, name: 'nothing is blocked', blocked: [], route: /^udp/, ways: all },
  { site: open, name: 'UDP is blocked', blocked: ['udp'], route: /tcp|tls/, ways: streams },
  {
    site: open,
    name: 'only TLS to the server’s name passes',
    blocked: ['udp', 'stun-tcp'],
    route: /^relay\/tls/,
    ways: ['turns'],
  },
  { site: nat, name: 'nothing is blocked', blocked: [], route: /^udp v4/, ways: all },
  { site: nat, name: 'UDP is blocked', blocked: ['udp'], route: /(tcp|tls) v4/, ways: streams },
  { site: v6, name: 'nothing is blocked', blocked: [], route: /^udp v6/, ways: all },
  { site: v6, name: 'UDP is blocked', blocked: ['udp'], route: /(tcp|tls) v6/, ways: streams },
  { site: lan, name: 'nothing is blocked', blocked: [], route: /^udp/, ways: all },
  { site: lan, name: 'UDP is blocked', blocked: ['udp'], route: /tcp|tls/, ways: streams },
  {
    site: lan,
    name: 'only TCP to port 443 passes',
    blocked: ['udp', 'tcp-media'],
    route: /^relay/, // Chromium ignores port 443 at a private address
    ways: ['turn', 'turns'],
    firefox: { route: /^tcp/, ways: streams },
  },
  { site: proxied, name: 'nothing is blocked', blocked: [], route: /^udp/, ways: ['udp'], missing: streams },
  {
    site: beside,
    name: 'nothing is blocked',
    blocked: [],
    route: /^udp/,
    ways: ['udp', 'tcp', 'turn'],
    missing: ['turns'],
  },
  { site: beside, name: 'UDP is blocked', blocked: ['udp'], route: /tcp/, ways: ['tcp', 'turn'], missing: ['turns'] },
  { site: beside, name: 'only signaling passes', blocked: ['udp', 'tcp-media'], ways: [], missing: ['turns'] },
];
