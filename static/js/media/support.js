// What this browser can and cannot do, by asking for the feature, never for a name.

/** @returns {string[]} what a meeting needs and this browser lacks */
export function missingFeatures() {
  /** @type {[string, boolean][]} */
  const needs = [
    ['WebRTC', typeof RTCPeerConnection === 'function'],
    ['WebSocket', typeof WebSocket === 'function'],
    ['HTTPS', window.isSecureContext],
    ['replaceTrack', typeof RTCRtpSender === 'function' && 'replaceTrack' in RTCRtpSender.prototype],
    [
      'setCodecPreferences',
      typeof RTCRtpTransceiver === 'function' && 'setCodecPreferences' in RTCRtpTransceiver.prototype,
    ],
    ['light-dark()', CSS.supports('color', 'light-dark(red, red)')],
    ['dialog', typeof HTMLDialogElement === 'function'],
    ['popover', 'popover' in HTMLElement.prototype],
  ];
  return needs.filter(([, ok]) => !ok).map(([name]) => name);
}
