// The choice of the page's language, remembered on this device.
import { h, uniqueId } from './dom.js';
import { choices, remember } from './settings.js';
import { language, languageFor, LANGUAGES, t } from '../i18n/i18n.js';

/** How long after a choice the focus is put back to it, ms: all that is shown is made anew. */
const FOCUS_MS = 2000;

/** Where nothing can be stored, the choice lasts as long as the page. */
let chosen = '';
let chosenAt = -Infinity;

/** @returns {string} the language the page should speak: the one chosen on this device, else the browser's */
export const wantedLanguage = () => languageFor(chosen || choices().language, navigator.languages);

/** @param {() => void} changed @returns {HTMLElement} the choice at the foot of a page */
export function languageChoice(changed) {
  const select = languageSelect(changed);
  if (performance.now() - chosenAt < FOCUS_MS) setTimeout(() => select.focus());
  return h(
    'span',
    { class: 'language' },
    h('label', null, h('span', { class: 'visually-hidden' }, t('language')), select),
    review(),
  );
}

/** @param {string} help when the choice takes effect @returns {HTMLElement} the choice among the settings of a call */
export function languageSetting(help) {
  const id = uniqueId('language');
  const select = languageSelect(() => {});
  select.className = 'input';
  select.setAttribute('aria-describedby', id);
  return h(
    'div',
    { class: 'field' },
    h('label', null, t('language'), select),
    h('p', { class: 'field-help', id }, help, ' ', review()),
  );
}

/** @param {() => void} changed @returns {HTMLSelectElement} */
function languageSelect(changed) {
  const wanted = wantedLanguage();
  const select = h(
    'select',
    {
      'data-testid': 'language',
      onchange: () => {
        chosen = select.value;
        chosenAt = performance.now();
        // What the browser asks for by itself is not kept, so that the page follows the browser.
        remember({ language: chosen === languageFor('', navigator.languages) ? '' : chosen });
        changed();
      },
    },
    Object.entries(LANGUAGES).map(([tag, { name }]) => h('option', { value: tag, lang: tag }, name)),
  );
  select.value = wanted;
  return select;
}

/** @returns {HTMLElement|false} said where a language is chosen, in that language */
const review = () =>
  !LANGUAGES[language()].reviewed && h('span', { 'data-testid': 'unreviewed' }, t('language.unreviewed'));
