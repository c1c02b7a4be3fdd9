// Settings of this device, and the sheet of keyboard shortcuts.
/** @import {CallContext} from '../context.js' */
/** @import {LocalMedia} from '../localmedia.js' */
import { h, setHidden } from '../../ui/dom.js';
import { openDialog } from '../../ui/dialog.js';
import { toggle, select } from '../../ui/field.js';
import { languageSetting } from '../../ui/language.js';
import { choices, remember, applyTheme } from '../../ui/settings.js';
import { t, rightToLeft } from '../../i18n/i18n.js';
import { SHORTCUTS } from '../../core/keymap.js';
import { effectsOf } from '../../media/effects.js';
import { showDevicePickers } from './devices.js';

/** @param {CallContext} context */
export function settingsDialog({ call, ui }) {
  const set = (/** @type {Partial<import('../../ui/settings.js').Choices>} */ change) => {
    remember(change);
    ui.set((u) => ({ ...u, ...change }));
  };
  const chosen = choices();
  const pickers = h('div', { class: 'pickers' });
  void showDevicePickers(pickers, call.local, (id) => call.sinks.setSpeaker(id));
  openDialog(
    t('settings.title'),
    [
      h('h3', null, t('settings.devices')),
      pickers,
      ...effects(call.local),
      h('h3', null, t('settings.view')),
      select(
        t('layout.tiles'),
        [4, 9, 16, 25, 36, 49].map((n) => ({ value: String(n), label: String(n) })),
        String(chosen.tiles),
        (v) => set({ tiles: Number(v) }),
        { testid: 'tiles-select' },
      ),
      toggle(t('settings.mirror'), chosen.mirror, (mirror) => set({ mirror })),
      toggle(t('layout.hideself'), chosen.hideSelf, (hideSelf) => set({ hideSelf }), { testid: 'hide-self' }),
      toggle(t('settings.low'), chosen.low, (low) => set({ low }), { help: t('settings.low.help'), testid: 'low' }),
      select(
        t('settings.quality'),
        /** @type {const} */ (['high', 'medium', 'low']).map((v) => ({ value: v, label: t(`settings.quality.${v}`) })),
        chosen.quality,
        (v) => call.local.setQuality(/** @type {'high'|'medium'|'low'} */ (v)),
        { testid: 'quality-select' },
      ),
      !matchMedia('(hover: none) and (pointer: coarse)').matches &&
        toggle(t('settings.shortcuts'), chosen.shortcuts, (shortcuts) => set({ shortcuts }), {
          testid: 'shortcuts-switch',
        }),
      h('h3', null, t('settings.attention')),
      toggle(t('settings.sound.waiting'), chosen.soundWaiting, (soundWaiting) => remember({ soundWaiting }), {
        testid: 'sound-waiting',
      }),
      toggle(t('settings.sound.hand'), chosen.soundHand, (soundHand) => remember({ soundHand })),
      toggle(t('settings.sound.chat'), chosen.soundChat, (soundChat) => remember({ soundChat })),
      toggle(t('settings.sound.timer'), chosen.soundTimer, (soundTimer) => remember({ soundTimer }), {
        testid: 'sound-timer',
      }),
      typeof Notification === 'function' && notifications(chosen.notify),
      h('h3', null, t('settings.look')),
      select(
        t('settings.theme'),
        /** @type {const} */ (['auto', 'light', 'dark']).map((v) => ({ value: v, label: t(`settings.theme.${v}`) })),
        chosen.theme,
        (v) => {
          const theme = /** @type {'auto'|'light'|'dark'} */ (v);
          remember({ theme });
          applyTheme(theme);
        },
        { testid: 'theme-select' },
      ),
      languageSetting(t('language.later')),
    ],
    { testid: 'settings' },
  );
}

/** @param {LocalMedia} local @returns {HTMLElement[]} what the devices that are on can do with a voice or a picture */
const effects = (local) =>
  /** @type {const} */ (['mic', 'camera']).flatMap((what) =>
    effectsOf(what, local.store.get()[what]).map(({ effect, on }) =>
      toggle(t(`settings.${effect}`), on, (wanted) => void local.setEffect(what, effect, wanted).catch(() => {}), {
        testid: effect,
      }),
    ),
  );

/** @param {boolean} on @returns {HTMLElement} the browser asks once, after this choice and never by itself */
function notifications(on) {
  const el = toggle(
    t('settings.notify'),
    on && Notification.permission === 'granted',
    async (wanted) => {
      const allowed = wanted && (await Notification.requestPermission()) === 'granted';
      remember({ notify: allowed });
      const input = el.querySelector('input');
      if (input) input.checked = allowed;
      setHidden(refused, !wanted || allowed);
    },
    { help: t('settings.notify.help'), testid: 'notify' },
  );
  const refused = h('p', { class: 'field-error', role: 'alert', hidden: true }, t('settings.notify.refused'));
  return h('div', { class: 'stack' }, el, refused);
}

/** @param {CallContext} context */
export function shortcutSheet({ ui }) {
  openDialog(
    t('call.shortcuts'),
    [
      !ui.get().shortcuts && h('p', { class: 'hint' }, t('shortcut.off')),
      h(
        'dl',
        { class: 'shortcuts' },
        SHORTCUTS.map((s) =>
          h(
            'div',
            null,
            h('dt', null, t(/** @type {any} */ (`shortcut.${s.command}`))),
            h('dd', null, h('kbd', null, keys(s.keys))),
          ),
        ),
      ),
    ],
    { testid: 'shortcuts' },
  );
}

/**
 * @param {string} name of a key
 * @returns {string} what is written on it; arrows swap where one reads from right to left
 */
function keys(name) {
  if (name === 'Space') return t('key.space');
  return rightToLeft() && name === '←' ? '→' : rightToLeft() && name === '→' ? '←' : name;
}
