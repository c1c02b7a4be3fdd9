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
