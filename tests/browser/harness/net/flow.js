// What a page's media do, and when: looked at every 50 ms by the browser's own statistics. All times are in Unix ms, on
// one clock for all browsers of this machine.

/**
 * @typedef {object} Flow
 * @property {{at: number, state: string}[]} states of the page's PeerConnections
 * @property {number} clicked when the button that joins was clicked last
 * @property {number[]} video when decoded frames were seen to have grown @property {number[]} audio when received
 *   packets of sound were
 * @property {number[]} looks when they were looked at
 * @property {number} frames decoded since the join @property {number} energy of the sound received since
 * @property {string} route of the pair in use: "udp", "tcp", "relay/udp", "relay/tcp" or "relay/tls"; and its family:
 *   "udp v4"
 */

/** Installs window.flowProbe. Runs in the page, before its own scripts and after installProbe(). */
export function installFlow() {
  const kept = 20_000; // looks: more than a quarter of an hour
  /** @type {Flow} */
  const flow = { states: [], clicked: 0, video: [], audio: [], looks: [], frames: 0, energy: 0, route: '' };
  Object.defineProperty(window, 'flowProbe', { value: flow });
  const now = () => performance.timeOrigin + performance.now();
  document.addEventListener(
    'click',
    (event) => {
      if (!(event.target instanceof Element) || !event.target.closest('[data-testid="join"]')) return;
      const none = { states: [], video: [], audio: [], looks: [], frames: 0, energy: 0, route: '' };
      Object.assign(flow, none, { clicked: now() });
    },
    { capture: true },
  );
  /** @type {Set<RTCPeerConnection>} */
  const watched = new Set();
  /** @type {Map<string, number>} by the statistics' ids */
  const before = new Map();
  /** @param {string} id @param {number} n @returns {number} by how much it has grown */
  const grown = (id, n) => {
    const more = n - (before.get(id) ?? 0);
    before.set(id, n);
    return Math.max(0, more);
  };
  /** @param {RTCStatsReport} report */
  const routeOf = (report) => {
    /** @type {any} */
    let pair;
    report.forEach((s) => {
      if (s.type === 'transport' && s.selectedCandidatePairId) pair = report.get(s.selectedCandidatePairId); // Chromium
      if (s.type === 'candidate-pair' && s.selected) pair = s; // Firefox
    });
    const local = pair && report.get(pair.localCandidateId);
    const remote = pair && report.get(pair.remoteCandidateId);
    if (!local || !remote) return flow.route;
    const way = local.candidateType === 'relay' ? `relay/${local.relayProtocol ?? '?'}` : local.protocol;
    return `${way} ${String(remote.address ?? remote.ip ?? '').includes(':') ? 'v6' : 'v4'}`;
  };
  /** @param {RTCPeerConnection} connection @param {number} i */
  const look = async (connection, i) => {
    const report = await connection.getStats();
    const at = now();
    let [frames, packets] = [0, 0];
    report.forEach((s) => {
      if (s.type !== 'inbound-rtp') return;
      if (s.kind === 'video') frames += grown(`${i} ${s.id}`, s.framesDecoded ?? 0);
      if (s.kind !== 'audio') return;
      packets += grown(`${i} ${s.id}`, s.packetsReceived ?? 0);
      flow.energy += grown(`${i} ${s.id} energy`, s.totalAudioEnergy ?? 0);
    });
    flow.frames += frames;
    if (frames > 0 && flow.video.push(at) > kept) flow.video.shift();
    if (packets > 0 && flow.audio.push(at) > kept) flow.audio.shift();
    flow.route = routeOf(report);
  };
  const round = async () => {
    /** @type {import('../hooks.js').Probe} */
    const { connections } = Reflect.get(window, 'conclaveProbe');
    for (const [i, connection] of connections.entries()) {
      if (!watched.has(connection)) {
        watched.add(connection);
        connection.addEventListener('connectionstatechange', () => {
          flow.states.push({ at: now(), state: connection.connectionState });
        });
      }
      if (connection.connectionState !== 'closed') await look(connection, i);
    }
    if (flow.looks.push(now()) > kept) flow.looks.shift();
    setTimeout(round, 50);
  };
  document.addEventListener('DOMContentLoaded', round);
}

/** @param {import('../person.js').Person} person @returns {Promise<Flow>} */
export function flowOf(person) {
  return person.page.evaluate(() => structuredClone(Reflect.get(window, 'flowProbe')));
}
