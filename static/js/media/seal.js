// The seam for end-to-end encryption. Nothing is attached yet: media is protected on the way to the server and from it, and
// the page says so and no more. When transforms come, they must be attached here, in the task that makes the transceiver:
// Chromium sends plaintext for good if one await falls between addTransceiver and the transform.
/** @import {Source} from '../core/types.js' */

/**
 * @typedef {object} Seal
 * @property {RTCConfiguration} configuration merged into the PeerConnection's
 * @property {(sender: RTCRtpSender, source: Source) => void} sending called synchronously after addTransceiver, before any track
 * @property {(receiver: RTCRtpReceiver, mid: () => string|null) => void} receiving called synchronously after addTransceiver
 */

/** @type {Seal} what protects media now: DTLS-SRTP to the server, nothing on top */
export const transportOnly = { configuration: {}, sending() {}, receiving() {} };
