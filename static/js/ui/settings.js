// Remembered choices. Never an address, a token, a meeting, or anything said: only how this device likes to join, and
// a display name if the person asks for that.

const KEY = 'conclave.choices';
const NAME_KEY = 'conclave.name';

/**
 * @typedef {object} Choices
 * @property {boolean} mic whether they last switched it on: false until they first do @property {boolean} camera
 * @property {string} micId @property {string} cameraId @property {string} speakerId
 * @property {boolean} mirror @property {boolean} hideSelf @property {boolean} shortcuts
 * @property {number} tiles most tiles a page
 * @property {'auto'|'grid'|'speaker'} mode
 * @property {'auto'|'light'|'dark'} theme
 * @property {string} language empty: the browser's
 * @property {boolean} noiseSuppression @property {boolean} echoCancellation @property {boolean} voiceIsolation
 * @property {boolean} backgroundBlur
 * @property {'high'|'medium'|'low'} quality of the picture that is sent
 * @property {boolean} low sound first, and one picture
 * @property {boolean} soundWaiting a sound for who waits @property {boolean} soundHand @property {boolean} soundChat
 * @property {boolean} soundTimer a sound at the end of a countdown
 * @property {boolean} notify by the system, while the page is in the background
 */

/** @type {Choices} */
const DEFAULTS = {
  mic: false,
  camera: false,
  micId: '',
  cameraId: '',
  speakerId: '',
  mirror: true,
  hideSelf: false,
  shortcuts: true,
  tiles: 25,
  mode: 'auto',
  theme: 'auto',
  language: '',
  noiseSuppression: true,
  echoCancellation: true,
  voiceIsolation: false,
  backgroundBlur: false,
  quality: 'high',
  low: false,
  soundWaiting: true,
  soundHand: true,
  soundChat: true,
  soundTimer: true,
  notify: false,
};

/** @returns {Choices} what was remembered, field by field, so that a broken or old store does no harm */
export function choices() {
  /** @type {any} */
  let stored = {};
  try {
    stored = JSON.parse(localStorage.getItem(KEY) ?? '{}') ?? {};
  } catch {
    // no storage, or not ours: the defaults
  }
  /** @type {any} */
  const out = { ...DEFAULTS };
  for (const [k, v] of Object.entries(DEFAULTS)) if (typeof stored[k] === typeof v) out[k] = stored[k];
  return out;
}

/** @param {Partial<Choices>} change */
export function remember(change) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...choices(), ...change }));
  } catch {
    // private window, full store: the choice lasts as long as the page
  }
}

/** @returns {string} the display name that the person had remembered; empty for none */
export function rememberedName() {
  try {
    return localStorage.getItem(NAME_KEY) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} name empty: forgets it */
export function rememberName(name) {
  try {
    if (name) localStorage.setItem(NAME_KEY, name);
    else localStorage.removeItem(NAME_KEY);
  } catch {
    // as above
  }
}

/** @param {Choices['theme']} theme */
export function applyTheme(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
