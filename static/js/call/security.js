// What is always to be seen of the meeting's protection: the way to its details, the mark of a meeting that has none, and whatever
// is not as it should be.
/** @import {CallContext} from '../screens/call.js' */
/** @import {Secrets} from '../e2ee/secrets.js' */
import { h, attr, setHidden } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { alertNow } from '../ui/live.js';
import { toast, closeToast } from '../ui/toast.js';
import { t } from '../i18n/i18n.js';
import { nameOf } from '../core/state.js';

/** @param {CallContext} context @returns {HTMLElement} the chip in the top bar */
export function securityChip({ session, ui, cleanup }) {
  const chip = h('button', {
    class: 'chip button-chip', type: 'button', 'data-testid': 'security', title: t('security.title'),
    onclick: () => ui.set((u) => ({ ...u, panel: u.panel === 'security' ? '' : 'security' })),
  }, icon('shield'), h('span', null, t('security.chip')));
  const { secrets } = session;
  if (secrets) cleanup(secrets.store.watch(troubled, (bad) => { chip.classList.toggle('warn', bad); attr(chip, 'data-troubled', String(bad)); }));
  else chip.classList.add('warn');
  return chip;
}

/** @param {import('../e2ee/secrets.js').Shown} s @returns {boolean} */
const troubled = (s) => s.broken || s.leaked.length > 0 || [...s.people.values()].some((p) => p.differs || p.trust === 'changed' || p.status === 'invalid');

/** @param {CallContext} context @returns {HTMLElement|false} above everything in a meeting without end-to-end encryption, all the time */
export const exposedStrip = ({ session }) => !session.secrets && h('p', { class: 'exposed-strip', role: 'note', 'data-testid': 'not-e2ee' }, icon('warn'), h('span', null, t('security.off.long')));

/** @param {CallContext} context @returns {HTMLElement[]} */
export function securityBanners(context) {
  const { session, ui, cleanup } = context;
  const { secrets } = session;
  if (!secrets) return [];
  const details = h('button', { class: 'button small primary', type: 'button', onclick: () => ui.set((u) => ({ ...u, panel: 'security' })) }, t('security.details'));
  const differs = banner('e2ee-differs', t('security.differs'), details);
  const broken = banner('e2ee-broken', t('security.broken'), h('button', { class: 'button small primary', type: 'button', onclick: () => location.reload() }, t('security.reload')));
  const outside = banner('e2ee-outside', t('security.outside.self'));
  const show = (/** @type {HTMLElement} */ el, /** @type {boolean} */ on) => {
    if (on && el.hidden) alertNow(el.textContent ?? '');
    setHidden(el, !on);
  };
  cleanup(secrets.store.watch((s) => [...s.people.values()].some((p) => p.differs), (on) => show(differs, on)));
  cleanup(secrets.store.watch((s) => s.broken, (on) => show(broken, on)));
  cleanup(secrets.store.watch((s) => s.code !== '' && !s.admitted, (on) => show(outside, on)));
  cleanup(secrets.store.watch((s) => s.people, () => context.stage.paint()));
  listen(context, secrets);
  return [broken, differs, outside];
}

/** @param {string} testid @param {string} text @param {HTMLElement} [button] @returns {HTMLElement} */
const banner = (testid, text, button) => h('div', { class: 'banner alarm lasting', hidden: true, 'data-testid': testid }, icon('warn'), h('span', null, text), button);

/** @param {CallContext} context @param {Secrets} secrets what happens once is told once */
function listen({ session, ui, cleanup }, secrets) {
  const stop = new AbortController();
  cleanup(() => stop.abort());
  /** @param {string} type @param {(detail: any) => void} see */
  const on = (type, see) => session.addEventListener(type, (e) => see(/** @type {CustomEvent} */ (e).detail), { signal: stop.signal });
  const details = { label: t('security.details'), primary: true, act: () => ui.set((/** @type {any} */ u) => ({ ...u, panel: 'security' })) };
  on('changed_key', ({ participant, name }) => {
    const refuse = { label: t('security.changed.refuse'), testid: 'changed-refuse', act: () => secrets.consent(participant, false) };
    toast(t('security.changed.name', { name }), { icon: 'warn', urgent: true, ms: 0, key: `changed-${participant}`, testid: 'changed-key', actions: [refuse, details] });
  });
  on('leaked', ({ source }) => toast(t('security.leaked'), { icon: 'warn', urgent: true, ms: 0, key: `leaked-${source}`, testid: 'leaked' }));
  on('unsent', () => toast(t('security.unsent'), { icon: 'warn', urgent: true, key: 'unsent' }));
  on('cannot_admit', () => toast(t('security.cannotadmit'), { icon: 'warn', urgent: true, key: 'cannot-admit' }));
  /** @type {Map<number, string>} bots that ask, and what for: one question for all of them */
  const asking = new Map();
  let timer = 0;
  cleanup(() => clearTimeout(timer));
  on('consent_asked', ({ participant, what }) => {
    asking.set(participant, what);
    clearTimeout(timer);
    timer = window.setTimeout(() => askConsent(asking, (n) => nameOf(session.store.get().call, n) || t('kind.bot'), (n, given) => secrets.consent(n, given)), CONSENT_MS);
  });
}

/** So long is waited for others that ask too, and for their names. */
const CONSENT_MS = 500;
/** Whoever does not answer has said no, and finds the question again in the bot's menu. */
const CONSENT_SHOWN_MS = 30_000;

/** @param {Map<number, string>} asking @param {(n: number) => string} name @param {(n: number, given: boolean) => void} answer */
function askConsent(asking, name, answer) {
  if (asking.size === 0) return; // answered meanwhile
  const [[first, what]] = asking;
  const n = asking.size;
  const all = (/** @type {boolean} */ given) => () => { for (const p of asking.keys()) answer(p, given); asking.clear(); };
  closeToast('bot');
  toast(n > 1 ? t('security.consent.many', { n }) : t(what ? 'security.consent.what' : 'security.consent', { name: name(first), what }), {
    icon: 'info', urgent: true, ms: CONSENT_SHOWN_MS, key: 'consent', testid: 'consent-asked',
    actions: [{ label: t('security.consent.yes'), act: all(true), testid: 'consent-yes' }, { label: t('security.consent.no'), primary: true, act: all(false), testid: 'consent-no' }],
  });
}

/**
 * personState is what there is to say of somebody's key, in words.
 * @param {import('../e2ee/secrets.js').Known|undefined} p @returns {{text: string, bad: boolean}}
 */
export function personState(p) {
  if (!p) return { text: '', bad: false };
  if (p.status === 'invalid') return { text: t('security.invalid'), bad: true };
  if (p.status === 'outside') return { text: t('security.outside'), bad: true };
  if (p.differs) return { text: t('security.differs.person'), bad: true };
  if (!p.bot && p.consent === false) return { text: t('security.refused'), bad: true };
  return { text: t(`security.trust.${p.trust}`), bad: p.trust === 'changed' };
}
