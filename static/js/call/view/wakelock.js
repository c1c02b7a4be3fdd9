// Keeping the screen on during a call, where the system allows it.
/** @import {CallContext} from '../context.js' */

/** @param {CallContext} context */
export function keepAwake({ cleanup }) {
  if (!('wakeLock' in navigator)) return;
  /** @type {WakeLockSentinel|null} */
  let lock = null;
  let over = false;
  const take = async () => {
    if (document.hidden || over) return;
    const got = await navigator.wakeLock.request('screen').catch(() => null); // low battery: it is a courtesy
    if (over) void got?.release();
    else lock = got;
  };
  document.addEventListener('visibilitychange', take);
  void take();
  cleanup(() => {
    over = true;
    document.removeEventListener('visibilitychange', take);
    void lock?.release();
  });
}
