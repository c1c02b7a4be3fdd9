// The seam where media is protected end to end. Transforms are attached here, in the task that makes the transceiver:
// Chromium sends plaintext for good if one await falls between addTransceiver and the transform. A track is given to
// a sender only once ready() has resolved.
/** @import {Source} from '../core/types.js' */

/**
 * @typedef {object} Seal what protects the media of one PeerConnection
 * @property {RTCConfiguration} configuration merged into the PeerConnection's
 * @property {(sender: RTCRtpSender, source: Source) => void} sending called synchronously after addTransceiver,
 *   before any track
 * @property {(receiver: RTCRtpReceiver, mid: () => string|null) => void} receiving called synchronously after
 *   addTransceiver
 * @property {(source: Source) => Promise<void>} ready resolves when the source's sender may be given a track
 * @property {() => void} close the PeerConnection is gone
 */

/** @type {Seal} DTLS-SRTP to the server, nothing on top: what meetings without end-to-end encryption have */
export const transportOnly = { configuration: {}, sending() {}, receiving() {}, async ready() {}, close() {} };
