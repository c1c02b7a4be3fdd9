// What is told when the encryption is not as it should be: banners while it lasts, toasts when it happens.
/** @import {CallContext} from '../context.js' */
/** @import {Secrets, Shown} from '../../e2ee/secrets.js' */
import { h, setHidden, setText } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { alertNow } from '../../ui/live.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/i18n.js';
import { nameOf } from '../../core/state.js';
import { askForBots } from './consent.js';

/** A host's word usually takes a moment: what lasts longer is told. */
const SOON_MS = 2500;

/**
 * @typedef {object} Trouble
 * @property {string} testid @property {(s: Shown) => boolean} is @property {() => string} text
 * @property {boolean} [soon] may be over at once
 */

/** @param {CallContext} context @returns {HTMLElement[]} */
export function securityBanners(context) {
  const { call, cleanup } = context;
  const { encryption } = call;
  if (!encryption) return [];
  const banners = troubles().map((trouble) => lasting(context, encryption, trouble));
  cleanup(
    encryption.store.watch(
      (s) => s.people,
      () => context.stage.paint(),
    ),
  );
  listen(context);
  askForBots(context, encryption);
  return [...banners, culprit(context, encryption)];
}

/** @returns {Trouble[]} the worst first */
const troubles = () => [
  { testid: 'e2ee-broken', is: (s) => s.broken, text: () => t('security.broken') },
  { testid: 'e2ee-stopped', is: (s) => s.view?.beats === 'stopped', text: () => t('security.stopped') },
  { testid: 'e2ee-false', is: (s) => Boolean(s.view?.falseGroup), text: () => t('security.falsegroup') },
  { testid: 'e2ee-silence', is: (s) => s.view?.beats === 'warn', text: () => t('security.silence') },
  { testid: 'e2ee-waiting', is: (s) => Boolean(s.view?.waiting), text: () => t('security.waiting') },
  { testid: 'e2ee-stuck', is: (s) => Boolean(s.view?.stuck), text: () => t('security.stuck'), soon: true },
  {
    testid: 'e2ee-unconfirmed',
    is: (s) => s.view?.state === 'unconfirmed' || s.view?.state === 'joining',
    text: () => t('security.unconfirmed.self'),
    soon: true,
  },
  {
    testid: 'e2ee-heirless',
    is: (s) => Boolean(s.view?.heirless && !s.view.linkOnly),
    text: () => t('security.heirless'),
  },
];

/** @param {CallContext} context @param {Secrets} encryption @param {Trouble} trouble @returns {HTMLElement} */
function lasting({ ui, cleanup }, encryption, { testid, is, text, soon = false }) {
  const button =
    testid === 'e2ee-broken'
      ? { label: t('security.reload'), act: () => location.reload() }
      : { label: t('security.details'), act: () => ui.set((u) => ({ ...u, panel: 'security' })) };
  const el = banner(testid, text(), button);
  let timer = 0;
  const show = (/** @type {boolean} */ on) => {
    if (on && el.hidden) alertNow(text());
    setHidden(el, !on);
  };
  cleanup(
    encryption.store.watch(is, (on) => {
      clearTimeout(timer);
      if (on && soon) timer = window.setTimeout(() => show(true), SOON_MS);
      else show(on);
    }),
  );
  cleanup(() => clearTimeout(timer));
  return el;
}

/**
 * @param {CallContext} context @param {Secrets} encryption
 * @returns {HTMLElement} who makes updates that others can't open
 */
function culprit({ call, cleanup }, encryption) {
  const el = banner('e2ee-culprit', '', {
    label: t('people.remove'),
    act: () => {
      const key = encryption.store.get().view?.culprit ?? '';
      const participant = [...encryption.store.get().people].find(([, p]) => p.key === key)?.[0];
      if (participant) void call.request('remove', { participants: [participant] });
    },
  });
  const text = el.querySelector('span');
  cleanup(
    encryption.store.watch(
      (s) => [...s.people.values()].find((p) => p.key === s.view?.culprit && !p.outside)?.name ?? '',
      (name) => {
        if (text) setText(text, t('security.culprit', { name }));
        setHidden(el, name === '');
      },
    ),
  );
  return el;
}

/**
 * @param {string} testid @param {string} text @param {{label: string, act: () => void}} button @returns {HTMLElement}
 */
const banner = (testid, text, { label, act }) =>
  h(
    'div',
    { class: 'banner alarm lasting', hidden: true, 'data-testid': testid },
    icon('warn'),
    h('span', null, text),
    h('button', { class: 'button small primary', type: 'button', onclick: act }, label),
  );

/** @param {CallContext} context tells events, which have no lasting state */
function listen({ call, ui, cleanup }) {
  const stop = new AbortController();
  cleanup(() => stop.abort());
  /** @param {string} type @param {(detail: any) => void} see */
  const on = (type, see) =>
    call.addEventListener(type, (e) => see(/** @type {CustomEvent} */ (e).detail), { signal: stop.signal });
  const details = {
    label: t('security.details'),
    primary: true,
    act: () => ui.set((/** @type {any} */ u) => ({ ...u, panel: 'security' })),
  };
  const name = (/** @type {number} */ n) => nameOf(call.store.get().state, n) || t('security.nameless');
  on('changed_key', ({ participant, name: said }) =>
    toast(t('security.changed.name', { name: said }), {
      icon: 'warn',
      urgent: true,
      ms: 0,
      key: `changed-${participant}`,
      testid: 'changed-key',
      actions: [details],
    }),
  );
  on('compare', ({ participant, own }) => {
    if (own) return;
    const key = 'compare';
    toast(t('security.compare.asked', { name: name(participant) }), {
      icon: 'shield',
      ms: 0,
      key,
      testid: 'compare-asked',
      actions: [details],
    });
  });
  on('promoted', ({ participant }) => {
    const { state } = call.store.get();
    const own = participant === state.self;
    toast(own ? t('security.promoted.self') : t('security.promoted', { name: name(participant) }), {
      icon: 'shield',
      urgent: true,
      testid: 'promoted',
    });
  });
  on('leaked', () =>
    toast(t('security.leaked'), { icon: 'warn', urgent: true, ms: 0, key: 'leaked', testid: 'leaked' }),
  );
  on('unsent', () => toast(t('security.unsent'), { icon: 'warn', urgent: true, key: 'unsent' }));
  on('cannot_admit', () => toast(t('security.cannotadmit'), { icon: 'warn', urgent: true, key: 'cannot-admit' }));
}
