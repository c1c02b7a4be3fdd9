// Which microphone, camera and speaker; with a test tone for the speaker.
/** @import {LocalMedia} from '../localmedia.js' */
import { h, fill, setBusy, setText } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { select } from '../../ui/field.js';
import { choices, remember } from '../../ui/settings.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/i18n.js';
import * as devices from '../../media/devices.js';
import { tone } from '../../media/level.js';

/**
 * showDevicePickers fills an element with them: at once with what the system would choose, then with what there is.
 * @param {HTMLElement} el @param {LocalMedia} local @param {(speaker: string) => void} [speakerChanged]
 */
export async function showDevicePickers(el, local, speakerChanged = () => {}) {
  if (!el.firstChild) fill(el, pickers({ mics: [], cameras: [], speakers: [] }, local, speakerChanged));
  const found = await devices.list();
  const choosing = el.contains(document.activeElement);
  if (!choosing) fill(el, pickers(found, local, speakerChanged));
}

/**
 * @param {Awaited<ReturnType<typeof devices.list>>} found
 * @param {LocalMedia} local
 * @param {(speaker: string) => void} speakerChanged
 * @returns {HTMLElement[]}
 */
function pickers({ mics, cameras, speakers }, local, speakerChanged) {
  const chosen = choices();
  const choose = (/** @type {'micId'|'cameraId'} */ which) => (/** @type {string} */ id) =>
    void local
      .choose(which, id)
      .catch((err) =>
        toast(err instanceof devices.DeviceError ? t(err.key) : t('device.failed'), { icon: 'warn', urgent: true }),
      );
  const out = [
    picker('device.mic', mics, chosen.micId, choose('micId'), 'mic-select'),
    picker('device.camera', cameras, chosen.cameraId, choose('cameraId'), 'camera-select'),
  ];
  if (devices.canChooseSpeaker()) {
    out.push(
      picker(
        'device.speaker',
        speakers,
        chosen.speakerId,
        (id) => {
          remember({ speakerId: id });
          speakerChanged(id);
        },
        'speaker-select',
      ),
    );
  }
  const test = h('button', {
    class: 'button quiet',
    type: 'button',
    'data-testid': 'speaker-test',
    onclick: async () => {
      setBusy(test, true);
      setText(label, t('prejoin.speaker.playing'));
      await tone(choices().speakerId);
      setText(label, t('prejoin.speaker.test'));
      setBusy(test, false);
    },
  });
  const label = h('span', null, t('prejoin.speaker.test'));
  test.append(icon('sound'), label);
  out.push(test);
  return out;
}

/**
 * @param {'device.mic'|'device.camera'|'device.speaker'} label @param {devices.Device[]} list @param {string} value
 * @param {(id: string) => void} change @param {string} testid @returns {HTMLElement}
 */
function picker(label, list, value, change, testid) {
  const kind = t(label);
  const named = list
    .filter((d) => d.id)
    .map((d, i) => ({ value: d.id, label: d.label || t('device.unnamed', { kind, n: i + 1 }) }));
  return select(kind, [{ value: '', label: t('device.default') }, ...named], value, change, { testid });
}
