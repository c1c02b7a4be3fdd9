// Whether a participant's key can be trusted, in words.
/** @import {Known} from '../../e2ee/secrets.js' */
import { t } from '../../i18n/i18n.js';

/** @param {Known|undefined} p @returns {{text: string, bad: boolean}} bad: shown as a warning */
export function personState(p) {
  if (!p) return { text: '', bad: false };
  if (p.outside) {
    return p.key ? { text: t('security.outside'), bad: false } : { text: t('security.invalid'), bad: true };
  }
  if (p.trust === 'changed') return { text: t('security.trust.changed'), bad: true };
  if (p.leaving) return { text: t('security.leaving'), bad: false };
  if (!p.confirmed) return { text: t('security.unconfirmed'), bad: false };
  return { text: t(`security.trust.${p.trust}`), bad: false };
}
