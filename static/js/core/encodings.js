// How a camera and a screen are sent, and which of the encodings are on.

/**
 * @typedef {{rid?: string, scaleResolutionDownBy?: number, maxBitrate?: number, maxFramerate?: number, active?:
 *   boolean, scalabilityMode?: string}} Encoding
 */

/** @type {Record<string, Partial<Encoding>>} AV1's layers cannot be seen without an extension that is not used */
const LAYERS = { vp9: { scalabilityMode: 'L1T3' }, av1: { scalabilityMode: 'L1T1' } };

/**
 * camera is three encodings of a 1280 × 720 picture: 180, 360 and 720 lines. The bitrates are what VP8 needs for
 * talking heads.
 * @param {string} [codec] VP9 and AV1 are sent as several encodings only when each says how it is layered
 * @returns {Encoding[]} smallest first, as Chromium wants them
 */
export const camera = (codec = 'vp8') =>
  [
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
    { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
  ].map((e) => ({ ...e, ...LAYERS[codec] }));

/**
 * @returns {Encoding[]} a screen is one encoding: small text does not survive scaling. Who has too little bandwidth
 *   is sent fewer frames of it
 */
export const screen = () => [{ maxBitrate: 2_500_000, maxFramerate: 30, scalabilityMode: 'L1T3' }];

/**
 * withActive switches encodings to those that viewers want, as the server says. One encoding without RID is on when
 * any is wanted.
 * @template {Encoding} E
 * @param {readonly E[]} encodings @param {readonly string[]} rids
 * @returns {{encodings: E[], changed: boolean}}
 */
export function withActive(encodings, rids) {
  let changed = false;
  const out = encodings.map((e) => {
    const active = e.rid ? rids.includes(e.rid) : rids.length > 0;
    if ((e.active ?? true) !== active) changed = true;
    return { ...e, active };
  });
  return { encodings: out, changed };
}
