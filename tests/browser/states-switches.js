/**
 * What a test may break in a page: devices, sockets, and what the browser makes of the server's answers.
 * @typedef {object} Switches
 * @property {'' | 'denied' | 'missing'} devices what asking for a camera or microphone comes to
 * @property {boolean} blockSockets new WebSockets do not open
 * @property {boolean} spoilResume a seat is asked back with a token that is not valid
 * @property {number} failAnswers so many answers of the server are refused by the browser from now on
 *
 * @property {boolean} fakeScreen what is shared is drawn by the test, with a tone: a browser without a screen has
 *   none to share
 * @property {number | undefined} loudness what every level meter measures, 0…1; the truth when not set
 *
 * @typedef {Switches & {sockets: WebSocket[], connections: RTCPeerConnection[], shared: MediaStreamTrack[], locks:
 *   number, steps: string[]}} Inside shared: the tracks of screens; locks: how often the screen was to be kept on;
 *   steps: those of the way back that the person was shown
 */

/** Installs window.conclaveSwitches. Runs in the page, before its own scripts, and may use nothing from this module. */
export function installSwitches() {
  /** @type {Inside} */
  const switches = {
    devices: '',
    blockSockets: false,
    spoilResume: false,
    failAnswers: 0,
    fakeScreen: false,
    loudness: undefined,
    sockets: [],
    connections: [],
    shared: [],
    locks: 0,
    steps: [],
  };
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

  const measured = AnalyserNode.prototype.getFloatTimeDomainData;
  AnalyserNode.prototype.getFloatTimeDomainData = function measure(samples) {
    if (switches.loudness === undefined) measured.call(this, samples);
    else samples.fill(switches.loudness);
  };
  const wakeLock = {
    request: () => {
      switches.locks += 1;
      return Promise.resolve({ release: () => Promise.resolve() });
    },
  };
  Object.defineProperty(navigator, 'wakeLock', { value: wakeLock });

  const devices = navigator.mediaDevices;
  if (!devices) return;
  const capture = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (constraints) => {
    if (switches.devices === 'denied') return Promise.reject(new DOMException('', 'NotAllowedError'));
    if (switches.devices === 'missing') return Promise.reject(new DOMException('', 'NotFoundError'));
    return capture(constraints);
  };
  const share = devices.getDisplayMedia.bind(devices);
  devices.getDisplayMedia = (options) => {
    if (!switches.fakeScreen) return share(options);
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const drawing = canvas.getContext('2d');
    let n = 0;
    const paint = () => {
      if (!drawing) return;
      drawing.fillStyle = `hsl(${n++ % 360} 60% 40%)`;
      drawing.fillRect(0, 0, 640, 360);
    };
    paint();
    setInterval(paint, 100);
    const sound = new AudioContext();
    const out = sound.createMediaStreamDestination();
    const tone = sound.createOscillator();
    tone.connect(out);
    tone.start();
    const stream = canvas.captureStream(10);
    for (const track of out.stream.getAudioTracks()) stream.addTrack(track);
    switches.shared.push(...stream.getTracks());
    return Promise.resolve(stream);
  };
  const enumerate = devices.enumerateDevices.bind(devices);
  devices.enumerateDevices = () => (switches.devices === 'missing' ? Promise.resolve([]) : enumerate());
}

/**
 * Turns switches in a person's page, and with dropSockets closes the sockets that are open, with breakMedia fails the
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
    // Nothing more arrives; and when the page has seen that nothing did, the browser gives up.
    for (const sender of connection.getSenders()) {
      const last = sender.getStats();
      sender.getStats = () => last;
    }
    setTimeout(() => {
      Object.defineProperty(connection, 'connectionState', { get: () => 'failed' });
      connection.dispatchEvent(new Event('connectionstatechange'));
    }, 1200);
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

/**
 * Puts a page into the background or back, as far as the page can tell.
 * @param {import('./harness/person.js').Person} person
 * @param {boolean} hidden
 */
export function putAway(person, hidden) {
  return person.page.evaluate((away) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => away });
    Object.defineProperty(document, 'visibilityState', {
      configurable: true,
      get: () => (away ? 'hidden' : 'visible'),
    });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
}

/**
 * Lets the page believe that the server sent a message.
 * @param {import('./harness/person.js').Person} person
 * @param {object} message
 */
export function deliver(person, message) {
  return person.page.evaluate((data) => {
    /** @type {Inside} */
    const { sockets } = Reflect.get(window, 'conclaveSwitches');
    sockets.at(-1)?.dispatchEvent(new MessageEvent('message', { data }));
  }, JSON.stringify(message));
}
