// A countdown for all: started with a choice of minutes, then prolonged or stopped.
/** @import {CallContext} from '../context.js' */
import { h } from '../../ui/dom.js';
import { icon } from '../../ui/icons.js';
import { field } from '../../ui/field.js';
import { openDialog } from '../../ui/dialog.js';
import { t } from '../../i18n/i18n.js';
import { minutes } from '../../core/timer.js';

const CHOICES = [1, 5, 10];

/** @param {CallContext} context */
export function timerDialog({ call }) {
  const timer = call.store.get().timer;
  const runs = timer !== null && timer.endsAt > performance.now();
  const start = (/** @type {number} */ n) => {
    dialog.close();
    void call.request('timer', { in_s: n * 60 });
  };
  const own = field(t('timer.own'), { inputmode: 'numeric', autocomplete: 'off', 'data-testid': 'timer-minutes' });
  const form = h(
    'form',
    {
      class: 'timer-own',
      novalidate: true,
      onsubmit: (/** @type {Event} */ e) => {
        e.preventDefault();
        const n = minutes(own.input.value);
        own.fail(n ? '' : t('timer.own.bad'));
        if (n) start(n);
      },
    },
    own.el,
    h('button', { class: 'button primary', type: 'submit', 'data-testid': 'timer-start' }, t('timer.start')),
  );
  const dialog = openDialog(
    t('timer.title'),
    [
      h('p', { class: 'field-help' }, t('timer.help')),
      runs && running(call, () => dialog.close()),
      h(
        'div',
        { class: 'timer-choices' },
        CHOICES.map((n) =>
          h(
            'button',
            { class: 'button', type: 'button', 'data-testid': `timer-${n}`, onclick: () => start(n) },
            t('timer.minutes', { n }),
          ),
        ),
      ),
      form,
    ],
    { testid: 'timer-dialog' },
  );
}

/** @param {CallContext['call']} call @param {() => void} close @returns {HTMLElement} */
function running(call, close) {
  return h(
    'div',
    { class: 'timer-choices' },
    h(
      'button',
      {
        class: 'button primary',
        type: 'button',
        'data-testid': 'timer-add',
        onclick: () => {
          close();
          void call.request('timer', { add_s: 60 });
        },
      },
      icon('clock'),
      t('timer.add'),
    ),
    h(
      'button',
      {
        class: 'button danger',
        type: 'button',
        'data-testid': 'timer-stop',
        onclick: () => {
          close();
          void call.request('timer', { in_s: 0 });
        },
      },
      icon('close'),
      t('timer.stop'),
    ),
  );
}
