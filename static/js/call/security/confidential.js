// A confidential meeting, as its participants see it: a watermark over every tile, what no browser can do said plainly,
// and a question before the first word.
/** @import {CallContext} from '../context.js' */
import { h, setText } from '../../ui/dom.js';
import { ask } from '../../ui/dialog.js';
import { toast } from '../../ui/toast.js';
import { t, timeOfDay } from '../../i18n/i18n.js';
import { looksVirtual } from '../../core/virtualcamera.js';

const COPIES = 6;
const MINUTE_MS = 60_000;

/** @param {CallContext} context @returns {boolean} */
export const isConfidential = ({ call }) => Boolean(call.store.get().state.meeting?.confidential);

/** @param {CallContext} context @returns {string} who looks, and when: what a photograph of the screen would show */
const mark = ({ call }) => `${call.store.get().state.name} · ${timeOfDay(new Date().toISOString())}`;

/** @param {CallContext} context @returns {HTMLElement} the watermark of one tile */
export function watermark(context) {
  const text = mark(context);
  return h(
    'div',
    { class: 'watermark', 'aria-hidden': 'true', 'data-testid': 'watermark' },
    Array.from({ length: COPIES }, () => h('span', null, text)),
  );
}

/** @param {CallContext} context begins what a confidential meeting needs beyond the tiles */
export function beginConfidential(context) {
  if (!isConfidential(context)) return;
  const { call, cleanup } = context;
  const timer = setInterval(() => {
    const text = mark(context);
    for (const span of context.stage.el.querySelectorAll('.watermark span')) setText(span, text);
  }, MINUTE_MS);
  cleanup(() => clearInterval(timer));
  cleanup(
    call.local.store.watch(
      (l) => l.camera?.label ?? '',
      (label) => {
        if (!looksVirtual(label)) return;
        toast(t('confidential.virtual'), { icon: 'camera', ms: 0, key: 'virtual', testid: 'virtual-camera' });
      },
    ),
  );
  cleanup(
    call.store.watch(
      (p) => p.state.people,
      (people) => {
        for (const { name } of people.values()) if (name) call.met.add(name);
      },
    ),
  );
  let asked = false;
  cleanup(
    call.store.watch(
      (p) => p.state.people.size > 0,
      (together) => {
        if (!together || asked) return;
        asked = true;
        void askToCompare(context);
      },
    ),
  );
}

/**
 * Before the first word to another: the microphone is off until the person has answered.
 * @param {CallContext} context
 */
async function askToCompare({ call, ui }) {
  const { local } = call;
  const spoke = local.store.get().micOn;
  if (spoke) await local.setMic(false).catch(() => {});
  const compare = await ask(
    t('confidential.compare.title'),
    t('confidential.compare.text'),
    t('confidential.compare.go'),
    { no: t('confidential.compare.later'), testid: 'compare-first' },
  );
  if (compare) ui.set((u) => ({ ...u, panel: 'security' }));
  // One that was unplugged meanwhile stays off, rather than another one being opened.
  if (spoke && local.store.get().mic) await local.setMic(true).catch(() => {});
}
