// The list of microphones or cameras at their button, with the level of the microphone in use.
/** @import {LocalMedia} from '../localmedia.js' */
import { h } from '../../ui/dom.js';
import { openMenu } from '../../ui/menu.js';
import { choices } from '../../ui/settings.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/i18n.js';
import * as devices from '../../media/devices.js';

/** @param {LocalMedia} local @param {'mic'|'camera'} what @param {HTMLElement} anchor */
export async function deviceMenu(local, what, anchor) {
  const { mics, cameras } = await devices.list();
  const kind = t(`device.${what}`);
  const which = /** @type {const} */ (`${what}Id`);
  const chosen = choices()[which];
  const named = (what === 'mic' ? mics : cameras)
    .filter((d) => d.id)
    .map((d, i) => ({ id: d.id, label: d.label || t('device.unnamed', { kind, n: i + 1 }) }));
  const choose = (/** @type {string} */ id) =>
    void local
      .choose(which, id)
      .catch((err) =>
        toast(t(err instanceof devices.DeviceError ? err.key : 'device.failed'), { icon: 'warn', urgent: true }),
      );
  const known = named.some((d) => d.id === chosen);
  const items = [{ id: '', label: t('device.default') }, ...named].map(({ id, label }) => ({
    label,
    checked: id === (known ? chosen : ''),
    act: () => choose(id),
    testid: 'device',
  }));
  const bar = h('span', { class: 'meter-bar' });
  const stop = local.store.watch(
    (l) => l.level,
    (level) => {
      bar.style.transform = `scaleX(${level.toFixed(2)})`;
    },
  );
  openMenu(anchor, items, kind, `${what}-devices`, {
    ...(what === 'mic' && { foot: h('div', { class: 'meter' }, bar) }),
    closed: stop,
  });
}
