// The connection check: tries what a meeting needs, one after the other, and says what is blocked and whose it is to fix.
/** @import {App, Screen} from '../main.js' */
import { h, fill, attr, setBusy, setText } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { t } from '../i18n/i18n.js';
import * as api from '../net/api.js';
import * as devices from '../media/devices.js';
import { missingFeatures } from '../media/support.js';
import { Socket } from '../net/socket.js';
import { Peer } from '../media/peer.js';
import { transportOnly } from '../media/seal.js';
import { snapshot } from '../media/stats.js';
import { candidateKinds } from '../core/sdp.js';
import { shell } from './shell.js';

/** @typedef {'wait'|'run'|'ok'|'bad'|'warn'} Status */
/** @typedef {(status: Status, text: string) => void} Report */

const CHECKS = /** @type {const} */ (['browser', 'server', 'socket', 'udp', 'tcp', 'devices']);
const MEDIA_MS = 8000;

/** @param {App} app @returns {Screen} */
export function check(app) {
  /** @type {Map<string, Report>} */
  const reports = new Map();
  const rows = CHECKS.map((name) => {
    const row = checkRow(name);
    reports.set(name, row.report);
    return row.el;
  });
  const report = (/** @type {typeof CHECKS[number]} */ name) => /** @type {Report} */ (reports.get(name));
  const label = h('span', null, t('check.run'));
  const button = h('button', { class: 'button primary large', type: 'button', 'data-testid': 'check-run', onclick: () => void run() }, label);
  const run = async () => {
    setBusy(button, true);
    setText(label, t('check.running'));
    for (const name of CHECKS) report(name)('wait', '');
    await runAll(app, report);
    setText(label, t('check.again'));
    setBusy(button, false);
    attr(button, 'data-done', 'true');
  };
  const el = shell(app, h('section', { class: 'card check', 'data-testid': 'check' },
    h('h1', null, t('check.title')), h('p', { class: 'lead' }, t('check.lead')), h('ul', { class: 'checks', 'aria-live': 'polite' }, rows),
    h('p', { class: 'muted small' }, t('check.note')), h('div', { class: 'actions' }, button)));
  return { el, title: t('check.title') };
}

/** @param {typeof CHECKS[number]} name @returns {{el: HTMLElement, report: Report}} */
function checkRow(name) {
  const mark = h('span', { class: 'check-mark' });
  const status = h('span', { class: 'visually-hidden' });
  const text = h('p', { class: 'muted' });
  const el = h('li', { 'data-testid': `check-${name}` }, mark, h('div', null, h('h2', null, t(`check.${name}`), ' ', status), text));
  /** @type {Report} */
  const report = (state, words) => {
    el.dataset.status = state;
    setText(status, t(`check.status.${state}`));
    setText(text, words || t(`check.status.${state}`));
    fill(mark, state === 'run' ? h('span', { class: 'spinner' }) : icon(state === 'ok' ? 'check' : state === 'bad' ? 'close' : state === 'warn' ? 'info' : 'clock'));
  };
  report('wait', '');
  return { el, report };
}

/** @param {App} app @param {(name: typeof CHECKS[number]) => Report} report */
async function runAll(app, report) {
  const missing = missingFeatures();
  report('browser')(missing.length ? 'bad' : 'ok', missing.length ? t('check.browser.bad', { what: missing.join(', ') }) : t('check.browser.ok'));
  report('server')('run', '');
  const before = performance.now();
  const reached = await api.config().then(() => true, () => false);
  report('server')(reached ? 'ok' : 'bad', reached ? t('check.server.ok', { ms: Math.round(performance.now() - before) }) : t('check.server.bad'));
  const { mics, cameras } = await devices.list();
  const found = mics.length + cameras.length;
  report('devices')(found ? 'ok' : 'warn', found ? t('check.devices.ok', { n: found }) : t('check.devices.none'));
  if (!app.session) {
    for (const name of /** @type {const} */ (['socket', 'udp', 'tcp'])) report(name)('warn', t('check.signin'));
    return;
  }
  await checkMedia(report);
}

/** @param {(name: typeof CHECKS[number]) => Report} report opens a meeting of its own, connects, and ends it */
async function checkMedia(report) {
  report('socket')('run', '');
  let closed = false;
  const socket = new Socket({ message() {}, closed() { closed = true; } });
  /** @type {Peer|null} */
  let peer = null;
  try {
    await socket.opened;
    report('socket')('ok', t('check.socket.ok'));
    report('udp')('run', '');
    const { meeting } = await api.createMeeting({ lobby: false });
    await socket.request('join', { version: 1, meeting, name: 'Check' });
    const connected = new Promise((resolve) => {
      peer = new Peer({ seal: transportOnly, state: (s) => { if (s === 'connected') resolve(true); if (s === 'failed') resolve(false); } });
      setTimeout(() => resolve(false), MEDIA_MS);
    });
    const p = /** @type {Peer} */ (/** @type {unknown} */ (peer));
    const answer = await socket.request('offer', await p.offer());
    if (answer.type !== 'answer') throw new Error('no answer');
    await p.answer(answer.sdp);
    const up = await connected;
    const stats = up ? await snapshot(p, 0) : null;
    report('udp')(up ? 'ok' : 'bad', up ? t('check.udp.ok', { protocol: (stats?.protocol || 'udp').toUpperCase(), ms: Math.round((stats?.sample.rtt ?? 0) * 1000) }) : t('check.udp.bad'));
    const tcp = candidateKinds(answer.sdp).tcp > 0;
    report('tcp')(tcp ? 'ok' : 'warn', t(tcp ? 'check.tcp.ok' : 'check.tcp.none'));
    await socket.request('end', {}).catch(() => {});
  } catch (err) {
    const first = closed && !peer;
    report(first ? 'socket' : 'udp')('bad', first ? t('check.socket.bad') : err instanceof api.ApiError && err.id === 'not_allowed' ? t('check.skipped') : t('check.udp.bad'));
  } finally {
    /** @type {Peer|null} */ (peer)?.close();
    socket.close();
  }
}
