// Trying one way that media can take to the server, for the connection check.
/** @import {PathCheck} from '../protocol-types.js' */
/** @import {Way} from '../core/paths.js' */
import { answerTo } from '../core/paths.js';
import { pathOf } from './stats.js';

/**
 * tryWay makes ICE's checks by this way alone. No DTLS follows: ICE's own state tells.
 * @param {PathCheck} check @param {Way} way @param {number} limit ms
 * @returns {Promise<{up: boolean, ms: number}>} ms: the round trip, 0 where the browser does not say
 */
export async function tryWay(check, way, limit) {
  const pc = new RTCPeerConnection({
    iceServers: [...way.servers],
    iceTransportPolicy: way.servers.length > 0 ? 'relay' : 'all',
  });
  const up = new Promise((/** @type {(up: boolean) => void} */ resolve) => {
    setTimeout(() => resolve(false), limit);
    pc.addEventListener('iceconnectionstatechange', () => {
      const { iceConnectionState: state } = pc;
      if (state === 'connected' || state === 'completed') resolve(true);
      if (state === 'failed') resolve(false);
    });
  });
  try {
    pc.createDataChannel('check');
    await pc.setLocalDescription();
    const offer = pc.localDescription?.sdp ?? '';
    await pc.setRemoteDescription({ type: 'answer', sdp: answerTo(offer, check, way.candidates) });
    const connected = await up;
    const path = connected ? pathOf(await pc.getStats()) : null;
    return { up: connected, ms: Math.round((path?.currentRoundTripTime ?? 0) * 1000) };
  } catch {
    return { up: false, ms: 0 };
  } finally {
    pc.close();
  }
}
