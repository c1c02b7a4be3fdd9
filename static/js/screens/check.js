// The connection check: tries what a meeting needs, one after the other, and says what is blocked and whose it is to
// fix.
/** @import {App, Screen} from '../main.js' */
import { h, fill, attr, setBusy, setText } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { t } from '../i18n/i18n.js';
import * as api from '../net/api.js';
import * as devices from '../media/devices.js';
import { missingFeatures } from '../media/support.js';
import { Socket, PROTOCOL_VERSION } from '../net/socket.js';
import { Connection } from '../media/connection.js';
import { transportOnly } from '../media/seal.js';
import { snapshot } from '../media/stats.js';
import { waysIn } from '../core/sdp.js';
import { shell } from './shell.js';

/**
 * @typedef {'wait'|'run'|'ok'|'bad'|'warn'|'none'} Status none: there is nothing to try, because this server does not
 *   offer it
 */
/** @typedef {(status: Status, text: string) => void} Report */

const CHECKS = /** @type {const} */ (['browser', 'server', 'socket', 'udp', 'tcp', 'turn', 'devices']);
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
  const button = h(
    'button',
    { class: 'button primary large', type: 'button', 'data-testid': 'check-run', onclick: () => void run() },
    label,
  );
  const run = async () => {
    setBusy(button, true);
    setText(label, t('check.running'));
    for (const name of CHECKS) report(name)('wait', '');
    await runAll(app, report);
    setText(label, t('check.again'));
    setBusy(button, false);
    attr(button, 'data-done', 'true');
  };
  const el = shell(
    app,
    h(
      'section',
      { class: 'card check', 'data-testid': 'check' },
      h('h1', null, t('check.title')),
      h('p', { class: 'lead' }, t('check.lead')),
      h('p', { class: 'muted' }, t('check.scope')),
      h('ul', { class: 'checks', 'aria-live': 'polite' }, rows),
      h('p', { class: 'muted small' }, t('check.note')),
      h('div', { class: 'actions' }, button),
    ),
  );
  return { el, title: t('check.title') };
}

/** @param {typeof CHECKS[number]} name @returns {{el: HTMLElement, report: Report}} */
function checkRow(name) {
  const mark = h('span', { class: 'check-mark' });
  const status = h('span', { class: 'visually-hidden' });
  const text = h('p', { class: 'muted' });
  const el = h(
    'li',
    { 'data-testid': `check-${name}` },
    mark,
    h('div', null, h('h2', null, t(`check.${name}`), ' ', status), text),
  );
  /** @type {Report} */
  const report = (state, words) => {
    el.dataset.status = state;
    setText(status, t(`check.status.${state}`));
    setText(text, words || t(`check.status.${state}`));
    fill(
      mark,
      state === 'run'
        ? h('span', { class: 'spinner' })
        : icon(
            state === 'ok'
              ? 'check'
              : state === 'bad'
                ? 'close'
                : state === 'warn' || state === 'none'
                  ? 'info'
                  : 'clock',
          ),
    );
  };
  report('wait', '');
  return { el, report };
}

/** @param {App} app @param {(name: typeof CHECKS[number]) => Report} report */
async function runAll(app, report) {
  const missing = missingFeatures();
  report('browser')(
    missing.length ? 'bad' : 'ok',
    missing.length ? t('check.browser.bad', { what: missing.join(', ') }) : t('check.browser.ok'),
  );
  report('server')('run', '');
  const before = performance.now();
  const reached = await api.config().then(
    () => true,
    () => false,
  );
  report('server')(
    reached ? 'ok' : 'bad',
    reached ? t('check.server.ok', { ms: Math.round(performance.now() - before) }) : t('check.server.bad'),
  );
  const { mics, cameras } = await devices.list();
  const found = mics.length + cameras.length;
  report('devices')(found ? 'ok' : 'warn', found ? t('check.devices.ok', { n: found }) : t('check.devices.none'));
  report('turn')('none', t('check.turn.none'));
  if (!app.session) {
    for (const name of /** @type {const} */ (['socket', 'udp', 'tcp'])) report(name)('warn', t('check.signin'));
    return;
  }
  await checkMedia(report);
}

/** @param {(name: typeof CHECKS[number]) => Report} report opens a meeting of its own, connects, and ends it */
async function checkMedia(report) {
  report('socket')('run', '');
  const socket = new Socket({ message() {}, closed() {} });
  try {
    await socket.opened;
    report('socket')('ok', t('check.socket.ok'));
  } catch {
    report('socket')('bad', t('check.socket.bad'));
    for (const name of /** @type {const} */ (['udp', 'tcp'])) report(name)('warn', t('check.after.socket'));
    return;
  }
  report('udp')('run', '');
  try {
    const { meeting } = await api.createMeeting({ lobby: false, e2ee: false });
    await socket.request('join', { version: PROTOCOL_VERSION, meeting, name: 'Check' });
    await connect(socket, report);
    await socket.request('end', {}).catch(() => {});
  } catch (err) {
    const why = err instanceof api.ApiError && err.id === 'not_allowed' ? t('check.skipped') : '';
    report('udp')(why ? 'warn' : 'bad', why || t('check.offer.bad'));
    report('tcp')('warn', why || t('check.after.udp'));
  } finally {
    socket.close();
  }
}

/** @param {Socket} socket @param {(name: typeof CHECKS[number]) => Report} report */
async function connect(socket, report) {
  /** @type {(up: boolean) => void} */
  let settle = () => {};
  const connected = new Promise((/** @type {(up: boolean) => void} */ resolve) => {
    settle = resolve;
  });
  const connection = new Connection({
    seal: transportOnly,
    state: (s) => {
      if (s === 'connected' || s === 'failed') settle(s === 'connected');
    },
  });
  try {
    const answer = await socket.request('offer', await connection.offer());
    if (answer.type !== 'answer') throw new Error('no answer');
    await connection.answer(answer.sdp);
    setTimeout(() => settle(false), MEDIA_MS);
    const up = await connected;
    const ways = waysIn(answer.sdp);
    const stats = up ? await snapshot(connection, 0) : null;
    const where = ways
      .filter((w) => w.transport === 'udp')
      .map((w) => `${w.address}:${w.port}`)
      .join(', ');
    report('udp')(
      up ? 'ok' : 'bad',
      up
        ? t('check.udp.ok', {
            protocol: (stats?.protocol || 'udp').toUpperCase(),
            ms: Math.round((stats?.sample.rtt ?? 0) * 1000),
          })
        : t('check.udp.bad', { where }),
    );
    const tcp = ways.some((w) => w.transport === 'tcp');
    report('tcp')(tcp ? 'ok' : 'none', t(tcp ? 'check.tcp.ok' : up ? 'check.tcp.none' : 'check.tcp.none.blocked'));
  } finally {
    connection.close();
  }
}
