import { chromium, firefox } from 'playwright-core';

/** @typedef {'chromium' | 'firefox'} Kind */

/** What tests run in: TEST_KINDS=firefox for one of them. @type {readonly Kind[]} */
export const kinds = /** @type {const} */ (['chromium', 'firefox']).filter((kind) =>
  (process.env.TEST_KINDS ?? kind).split(',').includes(kind),
);

if (kinds.length === 0) throw new Error(`TEST_KINDS names no browser: ${process.env.TEST_KINDS}`);

/** How often a browser's test camera has a new picture. @type {WeakMap<import('playwright-core').Browser, number>} */
const cameras = new WeakMap();

/** @param {import('playwright-core').Browser} browser that launch started @returns {number} pictures a second */
export const cameraRate = (browser) => cameras.get(browser) ?? 30;

/** @param {number} fps of the test picture */
const chromiumFlags = (fps) => [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--mute-audio',
  // A moving test picture and beeps instead of devices; every question about them, and about the screen, is answered
  // yes.
  `--use-fake-device-for-media-stream=fps=${fps}`,
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
  // It composes in software, at the expense of what is measured: no more often than there are new pictures.
  'layout.frame_rate': 15,
};

/**
 * Starts a browser; a missing one is a failure, never a skipped test.
 * @param {Kind} kind
 * @param {Record<string, string | number | boolean>} [prefs] further ones of Firefox
 * @param {{env?: Record<string, string>, executablePath?: string, fps?: number}} [options] env: added to this process's
 *   own. fps: of the test camera; browsers that encode, decode and compose in software share two cores
 * @returns {Promise<import('playwright-core').Browser>}
 */
export async function launch(kind, prefs = {}, { env = {}, executablePath, fps = 15 } = {}) {
  const environment = { .../** @type {Record<string, string>} */ (process.env), ...env };
  const browser = await (kind === 'chromium'
    ? chromium.launch({
        executablePath: executablePath ?? '/usr/bin/chromium',
        args: chromiumFlags(fps),
        env: environment,
      })
    : firefox.launch({
        channel: 'moz-firefox',
        executablePath: executablePath ?? '/usr/bin/firefox-esr',
        firefoxUserPrefs: { ...firefoxPrefs, ...prefs },
        env: environment,
      }));
  cameras.set(browser, fps);
  return browser;
}
