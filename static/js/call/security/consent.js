// The question whether a bot may receive what this person sends.
/** @import {CallContext} from '../context.js' */
/** @import {Secrets} from '../../e2ee/secrets.js' */
import { toast, closeToast } from '../../ui/toast.js';
import { t } from '../../i18n/i18n.js';
import { nameOf } from '../../core/state.js';

/** How long to wait for other bots that ask, and for their names: one question covers all of them. */
const CONSENT_MS = 500;
/** No answer means no. The question stays in the bot's menu. */
const CONSENT_SHOWN_MS = 30_000;

/** @param {CallContext} context @param {Secrets} encryption asks for each bot until the screen ends */
export function askForBots({ call, cleanup }, encryption) {
  /** @type {Map<number, string>} bots that ask, and for what */
  const asking = new Map();
  let timer = 0;
  const ask = (/** @type {Event} */ event) => {
    const { participant, what } = /** @type {CustomEvent} */ (event).detail;
    asking.set(participant, what);
    clearTimeout(timer);
    timer = window.setTimeout(
      () =>
        askConsent(
          asking,
          (n) => nameOf(call.store.get().state, n) || t('kind.bot'),
          (n, given) => encryption.consent(n, given),
        ),
      CONSENT_MS,
    );
  };
  call.addEventListener('consent_asked', ask);
  cleanup(() => {
    clearTimeout(timer);
    call.removeEventListener('consent_asked', ask);
  });
}

/**
 * @param {Map<number, string>} asking
 * @param {(n: number) => string} name
 * @param {(n: number, given: boolean) => void} answer
 */
function askConsent(asking, name, answer) {
  if (asking.size === 0) return; // answered meanwhile
  const [[first, what]] = asking;
  const n = asking.size;
  const all = (/** @type {boolean} */ given) => () => {
    for (const p of asking.keys()) answer(p, given);
    asking.clear();
  };
  closeToast('bot');
  toast(
    n > 1
      ? t('security.consent.many', { n })
      : t(what ? 'security.consent.what' : 'security.consent', { name: name(first), what }),
    {
      icon: 'info',
      urgent: true,
      ms: CONSENT_SHOWN_MS,
      key: 'consent',
      testid: 'consent-asked',
      actions: [
        { label: t('security.consent.yes'), act: all(true), testid: 'consent-yes' },
        { label: t('security.consent.no'), primary: true, act: all(false), testid: 'consent-no' },
      ],
    },
  );
}
