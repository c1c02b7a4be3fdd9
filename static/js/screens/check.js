// The connection check: tries what a meeting needs, one after the other, and says what is blocked and whose it is to
// fix.
/** @import {App, Screen} from '../main.js' */
import { h, fill, attr, setBusy, setText } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { list, t } from '../i18n/i18n.js';
import * as api from '../net/api.js';
import * as devices from '../media/devices.js';
import { missingFeatures } from '../media/support.js';
import { Socket } from '../net/socket.js';
import { tryWay } from '../media/way.js';
import { WAYS, toAllow, verdict, waysOf } from '../core/paths.js';
import { shell } from './shell.js';

/**
 * @typedef {'wait'|'run'|'ok'|'bad'|'warn'|'none'} Status none: there is nothing to try, because this server does not
 *   offer it
 */
/** @typedef {(status: Status, text: string) => void} Report */

const CHECKS = /** @type {const} */ (['browser', 'server', 'socket', ...WAYS, 'devices']);
/** How long one way may take; TURN over TLS took 0.6 s where it works. */
const WAY_MS = 8000;

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
  const result = h('div', { 'aria-live': 'polite' });
  const button = h(
    'button',
    { class: 'button primary large', type: 'button', 'data-testid': 'check-run', onclick: () => void run() },
    label,
  );
  const run = async () => {
    setBusy(button, true);
    setText(label, t('check.running'));
    fill(result);
    for (const name of CHECKS) report(name)('wait', '');
    fill(result, await runAll(app, report));
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
      result,
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

/**
 * @param {App} app @param {(name: typeof CHECKS[number]) => Report} report
 * @returns {Promise<HTMLElement|null>} what it all means
 */
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
  const [, result] = await Promise.all([checkSocket(app, report('socket')), checkWays(report)]);
  return result;
}

/** @param {App} app @param {Report} report */
async function checkSocket(app, report) {
  if (!app.session) return report('warn', t('check.signin'));
  report('run', '');
  const socket = new Socket({ message() {}, closed() {} });
  const opened = await socket.opened.then(
    () => true,
    () => false,
  );
  socket.close();
  report(opened ? 'ok' : 'bad', t(opened ? 'check.socket.ok' : 'check.socket.bad'));
}

/**
 * checkWays tries each way that media can take, all at once.
 * @param {(name: typeof CHECKS[number]) => Report} report @returns {Promise<HTMLElement|null>}
 */
async function checkWays(report) {
  const means = await api.checkPaths().catch((err) => /** @type {Error} */ (err));
  if (means instanceof Error) {
    const busy = means instanceof api.ApiError && (means.id === 'rate_limited' || means.id === 'server_full');
    for (const name of WAYS) report(name)('warn', t(busy ? 'check.busy' : 'check.after.server'));
    return null;
  }
  const ways = waysOf(means);
  /** @type {Map<typeof WAYS[number], boolean>} */
  const worked = new Map();
  const one = async (/** @type {typeof WAYS[number]} */ name) => {
    const way = ways.get(name);
    if (!way) return report(name)('none', t(`check.${name}.none`));
    report(name)('run', '');
    const { up, ms } = await tryWay(means, way, WAY_MS);
    worked.set(name, up);
    report(name)(up ? 'ok' : 'bad', t(up ? `check.${name}.ok` : `check.${name}.bad`, { ms }));
  };
  await Promise.all(WAYS.map(one));
  return summary(verdict(worked), toAllow(means));
}

/** @param {ReturnType<typeof verdict>} found @param {ReturnType<typeof toAllow>} allow @returns {HTMLElement} */
function summary(found, { ports, addresses }) {
  const names = { port: list(ports.map(String)), host: location.hostname, where: list(addresses) };
  const asking = found !== 'best' && [
    h('h3', null, t('check.admin')),
    h('p', { class: 'check-admin', 'data-testid': 'check-admin' }, t('check.admin.text', names)),
    found === 'blocked' && h('p', { class: 'muted' }, t('check.operator')),
  ];
  return h(
    'section',
    { class: 'check-result', 'data-testid': 'check-result', 'data-result': found },
    h('h2', null, t(`check.${found}`)),
    h('p', null, t(`check.${found}.text`)),
    asking,
  );
}
