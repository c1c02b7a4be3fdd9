// Texts of the page, taken from its catalogue: a test names what is said, and the words may change.
/** @import {Key} from '../../../static/js/i18n/i18n.js' */
import { speak, t, words as read } from '../../../static/js/i18n/i18n.js';

await speak('en');
await Promise.all(/** @type {const} */ (['home', 'check', 'call']).map(read));

/**
 * @param {Key} key
 * @param {Record<string, string|number>} [params]
 * @returns {RegExp} what is not filled in may be anything
 */
export function words(key, params = {}) {
  const literal = t(key, params).replace(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(literal.replace(/\{\w+\}/g, '.*'));
}
