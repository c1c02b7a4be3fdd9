// What is told when the encryption is not as it should be: banners while it lasts, toasts when it happens.
/** @import {CallContext} from '../context.js' */
/** @import {Secrets} from '../../e2ee/secrets.js' */
import { h, setHidden } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { alertNow } from '../../ui/live.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/i18n.js';
import { askForBots } from './consent.js';

/** @param {CallContext} context @returns {HTMLElement[]} */
export function securityBanners(context) {
  const { call, ui, cleanup } = context;
  const { encryption } = call;
  if (!encryption) return [];
  const details = h(
    'button',
    { class: 'button small primary', type: 'button', onclick: () => ui.set((u) => ({ ...u, panel: 'security' })) },
    t('security.details'),
  );
  const differs = banner('e2ee-differs', t('security.differs'), details);
  const broken = banner(
    'e2ee-broken',
    t('security.broken'),
    h(
      'button',
      { class: 'button small primary', type: 'button', onclick: () => location.reload() },
      t('security.reload'),
    ),
  );
  const outside = banner('e2ee-outside', t('security.outside.self'));
  const show = (/** @type {HTMLElement} */ el, /** @type {boolean} */ on) => {
    if (on && el.hidden) alertNow(el.textContent ?? '');
    setHidden(el, !on);
  };
  cleanup(
    encryption.store.watch(
      (s) => [...s.people.values()].some((p) => p.differs),
      (on) => show(differs, on),
    ),
  );
  cleanup(
    encryption.store.watch(
      (s) => s.broken,
      (on) => show(broken, on),
    ),
  );
  cleanup(
    encryption.store.watch(
      (s) => s.code !== '' && !s.admitted,
      (on) => show(outside, on),
    ),
  );
  cleanup(
    encryption.store.watch(
      (s) => s.people,
      () => context.stage.paint(),
    ),
  );
  listen(context, encryption);
  askForBots(context, encryption);
  return [broken, differs, outside];
}

/** @param {string} testid @param {string} text @param {HTMLElement} [button] @returns {HTMLElement} */
const banner = (testid, text, button) =>
  h(
    'div',
    { class: 'banner alarm lasting', hidden: true, 'data-testid': testid },
    icon('warn'),
    h('span', null, text),
    button,
  );

/** @param {CallContext} context @param {Secrets} encryption tells events, which have no lasting state */
function listen({ call, ui, cleanup }, encryption) {
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
  on('changed_key', ({ participant, name }) => {
    const refuse = {
      label: t('security.changed.refuse'),
      testid: 'changed-refuse',
      act: () => encryption.consent(participant, false),
    };
    toast(t('security.changed.name', { name }), {
      icon: 'warn',
      urgent: true,
      ms: 0,
      key: `changed-${participant}`,
      testid: 'changed-key',
      actions: [refuse, details],
    });
  });
  on('leaked', () =>
    toast(t('security.leaked'), { icon: 'warn', urgent: true, ms: 0, key: 'leaked', testid: 'leaked' }),
  );
  on('unsent', () => toast(t('security.unsent'), { icon: 'warn', urgent: true, key: 'unsent' }));
  on('cannot_admit', () => toast(t('security.cannotadmit'), { icon: 'warn', urgent: true, key: 'cannot-admit' }));
}
