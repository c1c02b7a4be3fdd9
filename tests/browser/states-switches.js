/**
 * What a test may break in a page: devices, sockets, and what the browser makes of the server's answers.
 * @typedef {object} Switches
 * @property {'' | 'denied' | 'missing'} devices what asking for a camera or microphone comes to
 * @property {boolean} blockSockets new WebSockets do not open
 * @property {boolean} spoilResume a seat is asked back with a token that is nobody's
 * @property {number} failAnswers so many answers of the server are refused by the browser from now on
 *
 * @typedef {Switches & {sockets: WebSocket[], connections: RTCPeerConnection[], steps: string[]}} Inside steps: those of the way
 *   back that the person was shown
 */

/** Installs window.conclaveSwitches. Runs in the page, before its own scripts, and may use nothing from this module. */
export function installSwitches() {
  /** @type {Inside} */
  const switches = { devices: '', blockSockets: false, spoilResume: false, failAnswers: 0, sockets: [], connections: [], steps: [] };
  Object.defineProperty(window, 'conclaveSwitches', { value: switches });

  const NativeSocket = window.WebSocket;
  window.WebSocket = class extends NativeSocket {
    /**
     * @param {string | URL} url
     * @param {string | string[]} [protocols]
     */
    constructor(url, protocols) {
      super(url, protocols);
      switches.sockets.push(this);
      if (switches.blockSockets) this.close();
    }

    /**
     * @override
     * @param {string | Blob | BufferSource} data
     */
    send(data) {
      const spoil = switches.spoilResume && typeof data === 'string' && data.includes('"resume"');
      super.send(spoil ? data.replace(/"resume":"[0-9a-f]{8}/, '"resume":"00000000') : data);
    }
  };

  const NativeConnection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends NativeConnection {
    /** @param {RTCConfiguration} [configuration] */
    constructor(configuration) {
      super(configuration);
      switches.connections.push(this);
    }

    /**
     * @override
     * @param {RTCSessionDescriptionInit} description
     */
    async setRemoteDescription(description) {
      if (switches.failAnswers > 0) {
        switches.failAnswers -= 1;
        throw new DOMException('refused by the test', 'InvalidAccessError');
      }
      await super.setRemoteDescription(description);
    }
  };

  document.addEventListener('DOMContentLoaded', () => {
    new MutationObserver(() => {
      const step = document.querySelector('[data-testid="ladder"]:not([hidden])')?.getAttribute('data-step');
      if (step && switches.steps.at(-1) !== step) switches.steps.push(step);
    }).observe(document.body, { attributes: true, childList: true, subtree: true });
  });

  const devices = navigator.mediaDevices;
  if (!devices) return;
  const capture = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (constraints) => {
    if (switches.devices === 'denied') return Promise.reject(new DOMException('', 'NotAllowedError'));
    if (switches.devices === 'missing') return Promise.reject(new DOMException('', 'NotFoundError'));
    return capture(constraints);
  };
  const enumerate = devices.enumerateDevices.bind(devices);
  devices.enumerateDevices = () => (switches.devices === 'missing' ? Promise.resolve([]) : enumerate());
}

/**
 * Turns switches in somebody's page, and with dropSockets closes the sockets that are open, with breakMedia fails the
 * PeerConnection for good.
 * @param {import('./harness/person.js').Person} person
 * @param {Partial<Switches> & {dropSockets?: boolean, breakMedia?: boolean}} change
 */
export async function turn(person, { dropSockets = false, breakMedia = false, ...change }) {
  await person.page.evaluate(([wanted, drop, fail]) => {
    /** @type {Inside} */
    const switches = Reflect.get(window, 'conclaveSwitches');
    Object.assign(switches, wanted);
    switches.steps.length = 0;
    if (drop) for (const socket of switches.sockets.splice(0)) socket.close();
    const connection = switches.connections.at(-1);
    if (!fail || !connection) return;
    Object.defineProperty(connection, 'connectionState', { get: () => 'failed' });
    connection.dispatchEvent(new Event('connectionstatechange'));
  }, /** @type {const} */ ([change, dropSockets, breakMedia]));
}

/**
 * @param {import('./harness/person.js').Person} person
 * @returns {Promise<string[]>} the steps of the way back that they were shown since a switch was turned
 */
export function stepsShown(person) {
  return person.page.evaluate(() => {
    /** @type {Inside} */
    const { steps } = Reflect.get(window, 'conclaveSwitches');
    return steps;
  });
}
