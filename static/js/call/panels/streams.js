// Keys with which programs join a plain meeting over HTTP: to send into it (WHIP), or to show it elsewhere (WHEP).
/** @import {CallContext} from '../context.js' */
/** @import {StreamKey} from '../context.js' */
import { h, fill } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { field } from '../../ui/field.js';
import { openDialog } from '../../ui/dialog.js';
import { t } from '../../i18n/i18n.js';
import { copy } from './invite.js';

/** @param {CallContext} context */
export function streamsDialog({ call }) {
  const list = h('div', { class: 'streams', 'data-testid': 'stream-keys' });
  const name = field(t('streams.name'), { maxlength: '64', required: true, 'data-testid': 'stream-name' });
  const show = () => {
    fill(
      list,
      call.streamKeys.length === 0 && h('p', { class: 'muted' }, t('streams.none')),
      call.streamKeys.map((key) => keyCard(key, () => void revoke(key))),
    );
  };
  /** @param {StreamKey} key */
  const revoke = async (key) => {
    if (!(await call.request('revoke_stream_key', { number: key.number }))) return;
    call.streamKeys.splice(call.streamKeys.indexOf(key), 1);
    show();
  };
  /** @param {'ingest'|'egress'} kind */
  const make = async (kind) => {
    const typed = name.input.value.trim();
    name.fail(typed ? '' : t('prejoin.name.empty'));
    if (typed && (await call.streamKey(kind, typed))) {
      name.input.value = '';
      show();
    }
  };
  const button = (/** @type {'ingest'|'egress'} */ kind) =>
    h(
      'button',
      { class: 'button', type: 'button', 'data-testid': `stream-${kind}`, onclick: () => void make(kind) },
      t(`streams.${kind}`),
    );
  show();
  openDialog(
    t('streams.title'),
    [
      h('p', null, t('streams.text')),
      name.el,
      h('div', { class: 'actions' }, button('ingest'), button('egress')),
      h('p', { class: 'muted small' }, t('streams.once')),
      list,
    ],
    { testid: 'streams-dialog' },
  );
}

/** @param {StreamKey} key @param {() => void} revoke @returns {HTMLElement} */
function keyCard({ kind, name, key }, revoke) {
  const path = location.pathname.replace(/^\/m\//, kind === 'ingest' ? '/whip/' : '/whep/'); // the page's own address
  return h(
    'section',
    { class: 'stream-key', 'data-testid': 'stream-card' },
    h('h3', { dir: 'auto' }, t(`streams.${kind}.head`, { name })),
    kind === 'egress' && h('p', { class: 'muted small' }, t('streams.egress.note')),
    copyRow(t('streams.address'), `${location.origin}${path}`),
    copyRow(t('streams.key'), key),
    h(
      'button',
      { class: 'button small danger', type: 'button', 'data-testid': 'stream-revoke', onclick: revoke },
      t('streams.revoke'),
    ),
  );
}

/** @param {string} label @param {string} text @returns {HTMLElement} */
function copyRow(label, text) {
  return h(
    'div',
    { class: 'link-row' },
    h('input', { class: 'input', dir: 'ltr', readonly: true, value: text, 'aria-label': label }),
    h(
      'button',
      {
        class: 'button',
        type: 'button',
        'aria-label': `${t('copy')}: ${label}`,
        onclick: () => void copy(text, t('copied')),
      },
      icon('copy'),
    ),
  );
}
