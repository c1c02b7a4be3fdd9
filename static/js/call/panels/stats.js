// How the connection does, in numbers, with a report to copy from which addresses were taken out.
/** @import {CallContext, PanelContent} from '../context.js' */
/** @import {Presence} from '../call.js' */
/** @import {StreamStats} from '../../media/stats.js' */
import { h, fill } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { t } from '../../i18n/i18n.js';
import { nameOf } from '../../core/state.js';
import { withoutAddresses } from '../../core/quality.js';
import { copy } from './invite.js';

/** @param {CallContext} context @returns {PanelContent} */
export function statsPanel(context) {
  const { call } = context;
  const body = h('div', { class: 'stats' });
  const stop = call.store.watch(
    (p) => p.snapshot,
    () => fill(body, content(call.store.get())),
  );
  const button = h(
    'button',
    {
      class: 'button wide',
      type: 'button',
      'data-testid': 'stats-copy',
      onclick: () => void copy(report(context), t('stats.copied')),
    },
    icon('copy'),
    t('stats.copy'),
  );
  return { el: h('div', { class: 'stats-panel' }, body, button), destroy: stop };
}

const percent = (/** @type {number} */ x) => t('unit.percent', { n: x * 100 });
const ms = (/** @type {number|string} */ n) => t('unit.ms', { n });
const rate = (/** @type {number} */ kbit) =>
  kbit >= 1000 ? t('unit.mbit', { n: kbit / 1000 }) : t('unit.kbit', { n: Math.round(kbit) });

const SOURCES = /** @type {const} */ ({
  mic: 'device.mic',
  camera: 'device.camera',
  screen: 'call.screen',
  screen_audio: 'call.screen',
});
/** The layers of a simulcast, from the smallest. */
const LAYERS = /** @type {const} */ (['q', 'h', 'f']);
const layer = (/** @type {StreamStats} */ s) => {
  const rid = LAYERS.find((r) => r === s.label);
  return rid ? t(`stats.layer.${rid}`) : s.label;
};
const order = (/** @type {StreamStats} */ s) =>
  Object.keys(SOURCES).indexOf(s.source) * LAYERS.length +
  Math.max(
    0,
    LAYERS.findIndex((r) => r === s.label),
  );
const inOrder = (/** @type {StreamStats[]} */ list) => [...list].sort((a, b) => order(a) - order(b));
const kind = (/** @type {StreamStats} */ s) => t(s.kind === 'audio' ? 'stats.audio' : 'stats.video');

/** @param {Presence} p @returns {[string, string][]} */
function summary(p) {
  const r = p.rates;
  const phases = /** @type {const} */ (['socket', 'welcome', 'answer', 'media', 'frame'])
    .filter((k) => p.phases[k])
    .map((k) => `${t(`stats.phase.${k}`)} ${p.phases[k]}`)
    .join(' · ');
  return [
    [t('stats.quality'), t(/** @type {any} */ (`quality.${p.quality.shown}`))],
    [t('stats.rtt'), r ? ms(Math.round(r.rtt)) : '–'],
    [t('stats.loss'), r ? `${percent(r.lossIn)} / ${percent(r.lossOut)}` : '–'],
    [t('stats.rate'), r ? `${rate(r.kbitIn)} / ${rate(r.kbitOut)}` : '–'],
    [t('stats.jitter'), r ? ms(Math.round(r.jitter)) : '–'],
    [t('stats.transport'), p.snapshot?.protocol?.toUpperCase() || '–'],
    [
      t('stats.encryption'),
      ['DTLS-SRTP', p.snapshot?.srtp.replace(/^SRTP_/, '').replaceAll('_', ' ')].filter(Boolean).join(', '),
    ],
    [t('stats.join'), phases ? ms(phases) : '–'],
  ];
}

/** @param {Presence} p @returns {HTMLElement[]} */
function content(p) {
  const name = (/** @type {StreamStats} */ s) => nameOf(p.state, p.state.slots.get(s.label)?.participant ?? 0);
  return [
    h(
      'dl',
      { class: 'facts-list' },
      summary(p).map(([k, v]) => h('div', null, h('dt', null, k), h('dd', null, v))),
    ),
    h('h3', null, t('stats.sent')),
    table(inOrder((p.snapshot?.sent ?? []).filter((s) => s.packets > 0)), (s) =>
      [s.source ? t(SOURCES[s.source]) : kind(s), layer(s)].filter(Boolean).join(', '),
    ),
    h('h3', null, t('stats.received')),
    table(
      (p.snapshot?.received ?? []).filter((s) => s.packets > 0 && (s.kind === 'audio' || s.fps > 0)),
      (s) => name(s) || kind(s),
    ),
  ];
}

/** @param {StreamStats[]} list @param {(s: StreamStats) => string} label @returns {HTMLElement} */
function table(list, label) {
  if (list.length === 0) return h('p', { class: 'muted small' }, t('stats.none'));
  return h(
    'table',
    { class: 'stats-table' },
    h(
      'tbody',
      null,
      list.map((s) =>
        h(
          'tr',
          null,
          h('th', { scope: 'row' }, label(s)),
          h('td', null, s.kind === 'video' ? (s.height ? `${s.width}×${s.height}` : '–') : ''),
          h('td', null, s.kind !== 'video' ? '' : s.fps > 0 ? t('unit.fps', { n: s.fps }) : t('stats.paused')),
          h('td', null, s.lost > 0 ? `−${s.lost}` : ''),
          h('td', null, s.limit === 'bandwidth' || s.limit === 'cpu' ? t(`stats.limit.${s.limit}`) : ''),
        ),
      ),
    ),
  );
}

/** @param {CallContext} context @returns {string} */
function report({ call, app }) {
  const p = call.store.get();
  const lines = [
    `Conclave ${app.config.version}`,
    navigator.userAgent,
    '',
    ...summary(p).map(([k, v]) => `${k}: ${v}`),
    '',
    ...(p.snapshot?.sent ?? []).map(
      (s) =>
        `sent ${s.kind} ${s.source} ${s.label}: ${s.width}x${s.height} ${s.fps} fps, ` +
        `${s.packets} packets, ${s.lost} lost ${s.limit}`,
    ),
    ...(p.snapshot?.received ?? []).map(
      (s) =>
        `received ${s.kind} slot ${s.label}: ${s.width}x${s.height} ${s.fps} fps, ${s.packets} packets, ${s.lost} lost`,
    ),
  ];
  return withoutAddresses(lines.join('\n'));
}
