// Whether a participant's key can be trusted, in words.
/** @import {Known} from '../../e2ee/secrets.js' */
import { t } from '../../i18n/i18n.js';

/** @param {Known|undefined} p @returns {{text: string, bad: boolean}} bad: shown as a warning */
export function personState(p) {
  if (!p) return { text: '', bad: false };
  if (p.status === 'invalid') return { text: t('security.invalid'), bad: true };
  if (p.status === 'outside') return { text: t('security.outside'), bad: true };
  if (p.differs) return { text: t('security.differs.person'), bad: true };
  if (!p.bot && p.consent === false) return { text: t('security.refused'), bad: true };
  return { text: t(`security.trust.${p.trust}`), bad: p.trust === 'changed' };
}
