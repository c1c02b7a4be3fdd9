// Loss in the test's own network namespace, and what a page does about it. Needs nftables.
import { execFileSync } from 'node:child_process';

/**
 * lose drops packets of UDP at random. Each passes the hook once on loopback, so both directions lose as many.
 * @param {number} permille of a thousand; 1000 is a cable pulled out
 * @param {'input'|'output'} [hook] input: on the way, without an error. output: sending fails
 */
export function lose(permille, hook = 'output') {
  const some = permille < 1000 ? `numgen random mod 1000 < ${permille} ` : '';
  const rule = `meta l4proto udp ${some}drop`;
  const chain = `chain loss { type filter hook ${hook} priority 0; ${rule}; }`;
  const rules = permille > 0 ? `table ip lab { ${chain}; }` : '';
  execFileSync('nft', ['-f', '-'], { input: `flush ruleset\n${rules}\n` });
}

/**
 * @typedef {object} LossProbe
 * @property {number} restarts of ICE
 * @property {number} told how often "Reconnecting…" was shown @property {number} toldMs for how long
 * @property {number} barsMs for how long the bars said so
 * @property {Record<string, number>} states ms in each state of the PeerConnection
 */

/** Installs window.lossProbe, which looks ten times a second. Runs in the page, before its own scripts. */
export function installLossProbe() {
  /** @type {LossProbe} */
  const probe = { restarts: 0, told: 0, toldMs: 0, barsMs: 0, states: {} };
  Object.defineProperty(window, 'lossProbe', { value: probe });
  const { restartIce } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.restartIce = function restart() {
    probe.restarts += 1;
    restartIce.call(this);
  };
  let before = '';
  setInterval(() => {
    const step = document.querySelector('[data-testid="ladder"]:not([hidden])')?.getAttribute('data-step') ?? '';
    if (step && !before) probe.told += 1;
    if (step) probe.toldMs += 100;
    before = step;
    if (document.querySelector('[data-testid="quality"]')?.getAttribute('data-quality') === '0') probe.barsMs += 100;
    const connections = Reflect.get(window, 'conclaveProbe').connections;
    const state = connections.at(-1)?.connectionState ?? 'none';
    probe.states[state] = (probe.states[state] ?? 0) + 100;
  }, 100);
}

/** @param {import('./person.js').Person} person @returns {Promise<LossProbe>} */
export function lossSeen(person) {
  return person.page.evaluate(() => structuredClone(Reflect.get(window, 'lossProbe')));
}

/**
 * @typedef {object} Received what a browser has counted of what it received, all streams together
 * @property {number} frames decoded @property {number} height of the highest picture
 * @property {number} streams of video that carry something
 * @property {number} freezes @property {number} frozenMs
 * @property {number} plis key frames asked for @property {number} nacks
 * @property {number} samples of sound @property {number} concealed of those, all but silence
 * @property {number} jitterMs how long sound waited in the jitter buffer in all @property {number} emitted samples that
 *   waited
 * @property {number} bytes @property {number} audioPackets @property {number} connections made
 */

/**
 * Adds up what the browser counted of what it received. Runs in the page.
 * @returns {Promise<Received>}
 */
export async function countReceived() {
  const { connections } = /** @type {import('./hooks.js').Probe} */ (Reflect.get(window, 'conclaveProbe'));
  const sum = {
    frames: 0,
    height: 0,
    streams: 0,
    freezes: 0,
    frozenMs: 0,
    plis: 0,
    nacks: 0,
    samples: 0,
    concealed: 0,
  };
  const out = { ...sum, jitterMs: 0, emitted: 0, bytes: 0, audioPackets: 0, connections: connections.length };
  for (const connection of connections) {
    if (connection.connectionState === 'closed') continue;
    (await connection.getStats()).forEach((s) => {
      if (s.type !== 'inbound-rtp') return;
      out.bytes += (s.bytesReceived ?? 0) + (s.headerBytesReceived ?? 0);
      if (s.kind === 'video') {
        out.frames += s.framesDecoded ?? 0;
        out.height = Math.max(out.height, s.frameHeight ?? 0);
        out.streams += s.framesDecoded ? 1 : 0;
        out.freezes += s.freezeCount ?? 0;
        out.frozenMs += (s.totalFreezesDuration ?? 0) * 1000;
        out.plis += s.pliCount ?? 0;
        out.nacks += s.nackCount ?? 0;
      } else {
        out.samples += s.totalSamplesReceived ?? 0;
        // What is concealed while nothing is sent is no loss. Firefox does not tell it apart.
        out.concealed += (s.concealedSamples ?? 0) - (s.silentConcealedSamples ?? 0);
        out.jitterMs += (s.jitterBufferDelay ?? 0) * 1000;
        out.emitted += s.jitterBufferEmittedCount ?? 0;
        out.audioPackets += s.packetsReceived ?? 0;
      }
    });
  }
  return out;
}
