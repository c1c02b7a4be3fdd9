// The word that marks a bot or a guest beside their name.
/** @import {Person} from '../core/types.js' */
import { t } from '../i18n/i18n.js';

/** @param {Person} p @returns {string} empty for a person with a verified address */
export const kindWord = (p) => (p.kind === 'bot' || p.kind === 'guest' ? t(`kind.${p.kind}`) : '');
