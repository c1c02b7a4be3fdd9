// What always shows whether the meeting is end-to-end encrypted: the chip that opens the details, or the strip over
// the stage.
/** @import {CallContext} from '../context.js' */
/** @import {Shown} from '../../e2ee/secrets.js' */
import { h, attr } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { t } from '../../i18n/i18n.js';

/** @param {CallContext} context @returns {HTMLElement} the chip in the top bar */
export function securityChip({ call, ui, cleanup }) {
  const chip = h(
    'button',
    {
      class: 'chip button-chip',
      type: 'button',
      'data-testid': 'security',
      title: t('security.title'),
      'aria-label': t('security.chip'),
      onclick: () => ui.set((u) => ({ ...u, panel: u.panel === 'security' ? '' : 'security' })),
    },
    icon('shield'),
    h('span', null, t('security.chip')),
  );
  const { encryption } = call;
  if (encryption) {
    cleanup(
      encryption.store.watch(troubled, (bad) => {
        chip.classList.toggle('warn', bad);
        attr(chip, 'data-troubled', String(bad));
      }),
    );
  } else chip.classList.add('warn');
  return chip;
}

/** @param {Shown} s @returns {boolean} */
const troubled = (s) =>
  s.broken ||
  s.leaked.length > 0 ||
  s.view?.beats !== 'ok' ||
  [...s.people.values()].some((p) => p.trust === 'changed' || (p.outside && !p.key));

/**
 * @param {CallContext} context
 * @returns {HTMLElement|false} above everything in a meeting without end-to-end encryption, all the time
 */
export const exposedStrip = ({ call }) =>
  !call.encryption &&
  h(
    'p',
    { class: 'exposed-strip', role: 'note', 'data-testid': 'not-e2ee' },
    icon('warn'),
    h('span', null, t('security.off.long')),
  );
