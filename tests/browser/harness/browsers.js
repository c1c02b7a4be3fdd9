import { chromium, firefox } from 'playwright-core';

/** @typedef {'chromium' | 'firefox'} Kind */

/** @type {Kind[]} */
export const kinds = ['chromium', 'firefox'];

const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--mute-audio',
  // A moving test picture and beeps instead of devices; every question about them, and about the screen, is answered
  // yes.
  '--use-fake-device-for-media-stream=fps=20',
  '--use-fake-ui-for-media-stream',
  '--auto-select-desktop-capture-source=Entire',
  '--autoplay-policy=no-user-gesture-required',
  // A browser that talks only to the page's server.
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
];

const firefoxPrefs = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
};

/**
 * Starts a browser; a missing one is a failure, never a skipped test.
 * @param {Kind} kind
 * @param {Record<string, string | number | boolean>} [prefs] further ones of Firefox
 * @returns {Promise<import('playwright-core').Browser>}
 */
export function launch(kind, prefs = {}) {
  if (kind === 'chromium') {
    return chromium.launch({ executablePath: '/usr/bin/chromium', args: chromiumFlags });
  }
  return firefox.launch({
    channel: 'moz-firefox',
    executablePath: '/usr/bin/firefox-esr',
    firefoxUserPrefs: { ...firefoxPrefs, ...prefs },
  });
}
