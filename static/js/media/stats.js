// What the browser knows about the connection, brought into one shape for both browsers.
/** @import {Sample} from '../core/quality.js' */
/** @import {Source} from '../core/types.js' */
/** @import {Reading} from '../core/flow.js' */
/** @import {Connection} from './connection.js' */

/**
 * @typedef {object} StreamStats
 * @property {string} id @property {string} label rid or mid
 * @property {Source|''} source
 * @property {'audio'|'video'} kind
 * @property {number} bytes
 * @property {number} again bytes of retransmissions among them
 * @property {number} packets
 * @property {number} lost
 * @property {number} width @property {number} height @property {number} fps
 * @property {number} frames decoded or encoded
 * @property {boolean} active
 * @property {string} limit why an encoding is smaller than it could be
 */

/**
 * @typedef {object} Snapshot
 * @property {Sample} sample
 * @property {StreamStats[]} sent @property {StreamStats[]} received
 * @property {string} protocol udp or tcp @property {string} srtp
 */

/**
 * carries says whether a candidate pair may be in use. Chromium calls one "in-progress" whose last check was lost,
 * until the next is answered, while media flows over it.
 * @param {any} s of the statistics @returns {boolean}
 */
const carries = (s) =>
  s.type === 'candidate-pair' && s.nominated && (s.state === 'succeeded' || s.state === 'in-progress');

/** @param {RTCStatsReport} report @returns {any} the candidate pair in use; undefined before there is one */
export function pathOf(report) {
  /** @type {any[]} */
  const all = [];
  report.forEach((s) => all.push(s));
  const selected = all.find((s) => s.type === 'transport')?.selectedCandidatePairId;
  return all.find((s) => s.id === selected) ?? all.find(carries);
}

/** @param {Connection} connection @param {number} at ms @returns {Promise<Snapshot>} */
export async function snapshot(connection, at) {
  const report = await connection.stats();
  /** @type {Map<string, any>} */
  const all = new Map();
  report.forEach((/** @type {any} */ s) => all.set(s.id, s));
  const of = (/** @type {string} */ type) => [...all.values()].filter((s) => s.type === type);
  const transport = of('transport')[0];
  const pair = pathOf(report);
  const remote = new Map(of('remote-inbound-rtp').map((r) => [r.localId, r]));
  const inbound = of('inbound-rtp');
  const outbound = of('outbound-rtp');
  const sum = (/** @type {any[]} */ list, /** @type {string} */ field) => list.reduce((n, s) => n + (s[field] ?? 0), 0);
  const rtts = [...remote.values()].map((r) => r.roundTripTime ?? 0).filter((x) => x > 0);
  const sources = connection.sentMids;
  return {
    sample: {
      at,
      bytesIn: sum(inbound, 'bytesReceived'),
      bytesOut: sum(outbound, 'bytesSent'),
      packetsIn: sum(inbound, 'packetsReceived'),
      lostIn: Math.max(0, sum(inbound, 'packetsLost')),
      packetsOut: sum(outbound, 'packetsSent'),
      lostOut: Math.max(0, sum([...remote.values()], 'packetsLost')),
      rtt: pair?.currentRoundTripTime || (rtts.length ? Math.max(...rtts) : 0),
      jitter: Math.max(0, ...inbound.filter((s) => s.kind === 'audio').map((s) => s.jitter ?? 0)),
      freezes: sum(inbound, 'totalFreezesDuration'),
    },
    sent: outbound.map((s) => ({
      ...stream(s),
      source: sources.get(s.mid) ?? '',
      frames: s.framesEncoded ?? 0,
      label: s.rid ?? '',
      lost: remote.get(s.id)?.packetsLost ?? 0,
      packets: s.packetsSent ?? 0,
      bytes: s.bytesSent ?? 0,
      again: s.retransmittedBytesSent ?? 0,
    })),
    received: inbound.map((s) => ({
      ...stream(s),
      frames: s.framesDecoded ?? 0,
      label: s.mid ?? '',
      packets: s.packetsReceived ?? 0,
      bytes: s.bytesReceived ?? 0,
      lost: s.packetsLost ?? 0,
    })),
    protocol: all.get(pair?.localCandidateId)?.protocol ?? '',
    srtp: transport?.srtpCipher ?? '',
  };
}

/** @param {any} s @returns {StreamStats} */
function stream(s) {
  return {
    id: s.id,
    label: '',
    source: '',
    kind: s.kind,
    bytes: 0,
    again: 0,
    packets: 0,
    lost: 0,
    width: s.frameWidth ?? 0,
    height: s.frameHeight ?? 0,
    fps: Math.round(s.framesPerSecond ?? 0),
    frames: 0,
    active: s.active ?? true,
    limit: s.qualityLimitationReason && s.qualityLimitationReason !== 'none' ? s.qualityLimitationReason : '',
  };
}

/** Firefox counts no packets of a candidate pair, only bytes: the smallest packets have about so many. */
const SMALL_PACKET = 50;

/**
 * reading takes from a report what core/flow.js judges by.
 * @param {{forEach: (see: (s: any) => void) => void}} report @returns {Reading}
 */
export function reading(report) {
  const out = { path: '', packets: 0, heard: 0 };
  report.forEach((s) => {
    if (!carries(s)) return;
    const bytes = s.bytesReceived ?? 0;
    out.path += s.id;
    out.packets += s.packetsReceived ?? Math.floor(bytes / SMALL_PACKET);
    out.heard += bytes + (s.responsesReceived ?? 0);
  });
  return out;
}
