// The end of a meeting: why it is over, and what can be done now.
/** @import {App, Screen} from '../main.js' */
/** @import {Call} from '../call/call.js' */
/** @import {IconName} from '../ui/icons.js' */
import { t, has, errorText } from '../i18n/i18n.js';
import { clearToasts } from '../ui/toast.js';
import { notice } from './notice.js';

/** @type {Record<string, IconName>} */
const END_ICONS = {
  left: 'door',
  denied: 'door',
  removed: 'remove',
  banned: 'remove',
  ended: 'check',
  expired: 'clock',
  idle: 'clock',
  replaced: 'copy',
  signed_out: 'signout',
  downgrade: 'warn',
};
/** Ends after which joining again makes no sense. */
const FINAL = new Set([
  'banned',
  'downgrade',
  'ended',
  'expired',
  'error:banned',
  'error:no_such_meeting',
  'error:version',
]);

/** @param {App} app @param {Call} call @param {() => void} again @returns {Screen} */
export function ended(app, call, again) {
  clearToasts();
  const reason = call.store.get().state.bye?.reason ?? 'left';
  const error = reason.startsWith('error:') ? reason.slice('error:'.length) : '';
  const key = `bye.${reason}`;
  if (reason === 'signed_out' || reason === 'idle') app.session = null;
  const who = [...call.met].join(', ');
  const known = has(key) ? key : 'bye.media_failed';
  return notice(app, {
    icon: END_ICONS[reason] ?? 'warn',
    testid: `ended-${error || reason}`,
    title: error ? t('bye.unreachable') : t(known),
    text: [
      error
        ? errorText(error, call.store.get().state.bye?.message)
        : t(reason === 'ended' && call.ended ? 'bye.ended.own' : /** @type {any} */ (`${known}.text`)),
      who && t('confidential.was', { who }),
    ]
      .filter(Boolean)
      .join(' '),
    actions: [
      ...(FINAL.has(reason) ? [] : [{ label: t('bye.rejoin'), act: again, testid: 'rejoin' }]),
      ...(reason === 'media_failed' || reason === 'unreachable'
        ? [{ label: t('blocked.check'), act: () => app.go('/check'), testid: 'ended-check' }]
        : []),
      { label: t('home'), act: () => app.go('/'), primary: true, testid: 'go-home' },
    ],
  });
}
