/**
 * What the page under test tells the test. Installed before the page's own scripts run, in the page itself, so it may
 * use nothing from this module.
 *
 * @typedef {object} Probe
 * @property {string[]} violations every report of the content security policy
 * @property {RTCPeerConnection[]} connections every PeerConnection the page made
 * @property {{call: string, screen: string, active: boolean}[]} captures every request for a camera, microphone or
 *   screen
 * @property {number} sockets how many WebSockets the page opened
 * @property {Worker[]} workers every worker the page made
 * @property {number} looks how often the page compared what left with what its encryption worker saw, every 2 s
 * @property {string[]} messages the last ones, in both directions, each cut to 40,000 characters
 * @property {{at: number, text: string}[]} heard the last `slots` and `encode` of the server, and when, by
 *   performance.now()
 * @property {() => Promise<{sealed: Record<string, number>, dropped: Record<string, number>, kids: Record<string,
 *   number>, opened: Record<string,
 *   Record<string, number>>}>} counts what the encryption worker counted, by its transforms; nothing where there is
 *   no such worker
 * @property {Record<string, number>} seen moments by name, in milliseconds since 1970
 * @property {string[]} alarms what the person was told that honest people on a network that works are never told, and
 *   at which ms of the page
 */

/**
 * Installs window.conclaveProbe. Runs in the page.
 * @param {number} cameraRate the most pictures a second that the page gets of a camera. Chromium's test camera takes
 *   the rate from its command line, Firefox's what the page asks for
 */
export function installProbe(cameraRate) {
  /** @type {Probe} */
  const probe = {
    violations: [],
    connections: [],
    captures: [],
    sockets: 0,
    workers: [],
    looks: 0,
    messages: [],
    heard: [],
    seen: {},
    alarms: [],
    counts: () =>
      new Promise((resolve) => {
        const worker = probe.workers.at(-1);
        if (!worker) return resolve({ sealed: {}, dropped: {}, kids: {}, opened: {} });
        const call = -probe.workers.length - performance.now(); // the page's own are positive
        const hear = (/** @type {MessageEvent} */ event) => {
          if (event.data.call !== call) return;
          worker.removeEventListener('message', hear);
          resolve(event.data.answer);
        };
        worker.addEventListener('message', hear);
        worker.postMessage({ do: 'counts', call });
      }),
  };
  Object.defineProperty(window, 'conclaveProbe', { value: probe });

  const alarms = {
    'a split group': '[data-testid="e2ee-silence"]:not([hidden])',
    'no host that confirms': '[data-testid="e2ee-unconfirmed"]:not([hidden])',
    'something unencrypted': '[data-testid="leaked"]',
    reconnecting: '[data-testid="ladder"]:not([hidden])',
    'no bars': '[data-testid="quality"][data-quality="0"]',
  };
  setInterval(() => {
    for (const [what, selector] of Object.entries(alarms)) {
      if (!document.querySelector(selector) || probe.alarms.length >= 100) continue;
      probe.alarms.push(`${what}, at ${Math.round(performance.now())} ms`);
    }
  }, 250);

  document.addEventListener('securitypolicyviolation', (event) => {
    probe.violations.push(
      `${event.effectiveDirective}: ${event.blockedURI} ${event.sample} (${event.sourceFile}:${event.lineNumber})`,
    );
  });

  const NativeConnection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends NativeConnection {
    /** @param {RTCConfiguration} [configuration] */
    constructor(configuration) {
      super(configuration);
      probe.connections.push(this);
    }
  };

  /**
   * @param {string} direction
   * @param {unknown} data
   */
  const keep = (direction, data) => {
    const text = `${direction} ${String(data).slice(0, 40_000)}`;
    probe.messages.push(text);
    if (probe.messages.length > 300) probe.messages.shift();
    if (!/^. \{"type":"(slots|encode)"/.test(text)) return;
    probe.heard.push({ at: performance.now(), text });
    if (probe.heard.length > 1000) probe.heard.shift();
  };
  const NativeWorker = window.Worker;
  window.Worker = class extends NativeWorker {
    /**
     * @param {string | URL} url
     * @param {WorkerOptions} [options]
     */
    constructor(url, options) {
      super(url, options);
      probe.workers.push(this);
    }

    /**
     * @override
     * @param {any} message
     * @param {any} [transfer]
     */
    postMessage(message, transfer) {
      if (message.do === 'counts' && message.call > 0) probe.looks += 1;
      super.postMessage(message, transfer ?? []);
    }
  };

  const NativeSocket = window.WebSocket;
  window.WebSocket = class extends NativeSocket {
    /**
     * @param {string | URL} url
     * @param {string | string[]} [protocols]
     */
    constructor(url, protocols) {
      super(url, protocols);
      probe.sockets += 1;
      this.addEventListener('message', (event) => keep('<', event.data));
    }

    /**
     * @override
     * @param {string | Blob | BufferSource} data
     */
    send(data) {
      keep('>', data);
      super.send(data);
    }
  };

  const devices = navigator.mediaDevices;
  if (!devices) return;
  for (const call of /** @type {const} */ (['getUserMedia', 'getDisplayMedia'])) {
    const native = devices[call].bind(devices);
    devices[call] = (constraints) => {
      const screen =
        document.querySelector('[data-testid="prejoin"], [data-testid="call"]')?.getAttribute('data-testid') ?? '';
      probe.captures.push({ call, screen, active: navigator.userActivation?.isActive ?? false });
      const video = call === 'getUserMedia' && constraints?.video;
      if (!video) return native(constraints);
      const asked = video === true ? {} : video;
      return native({ ...constraints, video: { ...asked, frameRate: { ideal: cameraRate, max: cameraRate } } });
    };
  }
}

/**
 * Counts the frames that every video element in a tile presents, and those decoded for it (spare elements wait
 * outside). One's own picture is not decoded. Runs in the page.
 * @param {number} ms how long to count
 * @returns {Promise<{participant: string, source: string, self: boolean, presented: number, decoded: number, width:
 *   number, height: number}[]>}
 */
export async function countFrames(ms) {
  /** @type {Probe} */
  const probe = Reflect.get(window, 'conclaveProbe');
  const decodedByTrack = async () => {
    /** @type {Map<string, number>} */
    const decoded = new Map();
    for (const connection of probe.connections) {
      if (connection.connectionState === 'closed') continue;
      (await connection.getStats()).forEach((report) => {
        if (report.type === 'inbound-rtp' && report.kind === 'video') {
          decoded.set(report.trackIdentifier, report.framesDecoded ?? 0);
        }
      });
    }
    return decoded;
  };
  const videos = [...document.querySelectorAll('video')].filter(
    (video) => video.closest('[data-testid="tile"]') && video.checkVisibility(),
  );
  const counts = videos.map((video) => {
    const tile = video.closest('[data-testid="tile"]');
    const count = {
      participant: tile?.getAttribute('data-participant') ?? '',
      source: tile?.getAttribute('data-source') ?? '',
      self: video.matches('[data-testid="self-video"]'),
      presented: 0,
      decoded: 0,
      width: 0,
      height: 0,
    };
    const onFrame = () => {
      count.presented += 1;
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
    return count;
  });
  const before = await decodedByTrack();
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
  const after = await decodedByTrack();
  videos.forEach((video, i) => {
    const track = video.srcObject instanceof MediaStream ? video.srcObject.getVideoTracks()[0]?.id : undefined;
    counts[i].decoded = (after.get(track ?? '') ?? 0) - (before.get(track ?? '') ?? 0);
    counts[i].width = video.videoWidth;
    counts[i].height = video.videoHeight;
  });
  return structuredClone(counts);
}

/**
 * The energy of all audio received until now, by the RTP stream's own measure. Runs in the page.
 * @returns {Promise<{energy: number, packets: number}>}
 */
export async function audioReceived() {
  /** @type {Probe} */
  const probe = Reflect.get(window, 'conclaveProbe');
  const total = { energy: 0, packets: 0 };
  for (const connection of probe.connections) {
    if (connection.connectionState !== 'connected') continue;
    (await connection.getStats()).forEach((report) => {
      if (report.type !== 'inbound-rtp' || report.kind !== 'audio') return;
      total.energy += report.totalAudioEnergy ?? 0;
      total.packets += report.packetsReceived ?? 0;
    });
  }
  return total;
}

/**
 * @typedef {object} Sealing what the encryption worker counted, summed over its transforms
 * @property {number} sealed
 * @property {number} dropped for want of a key of one's own
 * @property {number} opened
 * @property {number} noKey
 * @property {number} failed
 * @property {number} repeated @property {number} stranger
 * @property {number} restarts of slots at a key frame seen before @property {number} asked key frames asked for
 */

/**
 * Asks the encryption worker for its counts. Runs in the page.
 * @returns {Promise<Sealing>}
 */
export async function countSealing() {
  /** @type {Probe} */
  const probe = Reflect.get(window, 'conclaveProbe');
  const total = {
    sealed: 0,
    dropped: 0,
    opened: 0,
    noKey: 0,
    failed: 0,
    repeated: 0,
    stranger: 0,
    restarts: 0,
    asked: 0,
  };
  const counts = await probe.counts();
  for (const n of Object.values(counts.sealed)) total.sealed += n;
  for (const n of Object.values(counts.dropped)) total.dropped += n;
  for (const slot of Object.values(counts.opened)) {
    for (const key of /** @type {const} */ ([
      'opened',
      'noKey',
      'failed',
      'repeated',
      'stranger',
      'restarts',
      'asked',
    ])) {
      total[key] += slot[key];
    }
  }
  return total;
}
