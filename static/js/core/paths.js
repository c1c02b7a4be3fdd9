// The ways that media can take to the server, for the connection check: which there are, how each is tried alone, and
// what the results mean together (docs/protocol.md, path_check).
/** @import {PathCheck, ICEServer} from '../protocol-types.js' */

/** @typedef {'udp'|'tcp'|'turn'|'turns'} WayName the last two: by the server's relay, over TCP and over TLS */
/**
 * @typedef {object} Way
 * @property {readonly string[]} candidates of the server
 * @property {readonly ICEServer[]} servers the relay to go by; empty for the direct ways
 */

/** From the best to the last resort. */
export const WAYS = /** @type {const} */ (['udp', 'tcp', 'turn', 'turns']);

const transportOf = (/** @type {string} */ candidate) => candidate.split(' ')[2]?.toLowerCase();

/**
 * waysOf says how each way is tried. A way without candidates, or without its relay, is not there: this server doesn't
 * offer it.
 * @param {PathCheck} check @returns {Map<WayName, Way>}
 */
export function waysOf(check) {
  /** @type {Map<WayName, Way>} */
  const ways = new Map();
  const direct = (/** @type {string} */ transport) => check.candidates.filter((c) => transportOf(c) === transport);
  const relay = (/** @type {string} */ scheme) =>
    check.ice_servers.flatMap((s) =>
      s.urls
        .filter((url) => url.split(':')[0] === scheme && url.endsWith('transport=tcp'))
        .map((url) => ({ ...s, urls: [url] })),
    );
  for (const name of /** @type {const} */ (['udp', 'tcp'])) {
    const candidates = direct(name);
    if (candidates.length > 0) ways.set(name, { candidates, servers: [] });
  }
  for (const name of /** @type {const} */ (['turn', 'turns'])) {
    const servers = relay(name);
    if (servers.length > 0) ways.set(name, { candidates: direct('udp'), servers });
  }
  return ways;
}

/**
 * answerTo answers an offer of one data channel in the server's name.
 * @param {string} offer @param {PathCheck} check @param {readonly string[]} candidates @returns {string}
 */
export function answerTo(offer, check, candidates) {
  const mid = /^a=mid:(.*?)\r?$/m.exec(offer)?.[1] ?? '0';
  return [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=ice-lite',
    `a=group:BUNDLE ${mid}`,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    `a=ice-ufrag:${check.ice_ufrag}`,
    `a=ice-pwd:${check.ice_pwd}`,
    `a=fingerprint:${check.fingerprint}`,
    'a=setup:active',
    'a=sctp-port:5000',
    ...candidates.map((candidate) => `a=${candidate}`),
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}

/**
 * verdict sums up. best: UDP works. detour: only a way by TCP does. blocked: none does.
 * @param {ReadonlyMap<WayName, boolean>} worked @returns {'best'|'detour'|'blocked'}
 */
export function verdict(worked) {
  if (worked.get('udp')) return 'best';
  return [...worked.values()].some(Boolean) ? 'detour' : 'blocked';
}

/**
 * toAllow says what a firewall must let through.
 * @param {PathCheck} check @returns {{ports: number[], addresses: string[]}} each once
 */
export function toAllow(check) {
  const fields = check.candidates.map((candidate) => candidate.split(' '));
  return {
    ports: [...new Set(fields.map((f) => Number(f[5])))].sort((a, b) => a - b),
    addresses: [...new Set(fields.map((f) => f[4]))],
  };
}
