// How loud a track is, for the level meter and for "you are talking, but muted".

/** @type {AudioContext|null} */
let context = null;

/** @returns {AudioContext|null} one for the page: browsers allow few */
function audioContext() {
  if (typeof AudioContext !== 'function') return null;
  if (!context) {
    context = new AudioContext();
    // Safari interrupts it for a phone call, and does not take it up again by itself.
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && context?.state !== 'running') context?.resume().catch(() => {});
    });
  }
  if (context.state !== 'running') context.resume().catch(() => {});
  return context;
}

/**
 * measure calls see with the level of a track, 0…1, some 15 times a second. It listens to a clone, so that muting the
 * original does not deafen it; the clone never leaves this function.
 * @param {MediaStreamTrack} track @param {(level: number) => void} see @returns {() => void} stops
 */
export function measure(track, see) {
  const ctx = audioContext();
  if (!ctx) return () => {};
  const clone = track.clone();
  clone.enabled = true;
  const source = ctx.createMediaStreamSource(new MediaStream([clone]));
  const analyser = ctx.createAnalyser();
  analyser.fftSize = 512;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const v of samples) sum += v * v;
    const db = 10 * Math.log10(sum / samples.length + 1e-10);
    see(Math.max(0, Math.min(1, (db + 60) / 50))); // -60 dB is silence, -10 dB is full
  }, 66);
  return () => {
    clearInterval(timer);
    source.disconnect();
    clone.stop();
  };
}

/** The notes of what calls for attention, Hz: soft, short and told apart. */
const CHIMES = { waiting: [587.33, 880], hand: [659.25], chat: [440], timer: [523.25, 392] };

/** @param {'waiting'|'hand'|'chat'|'timer'} kind plays its notes; made here, and as loud as a pen on a table */
export function chime(kind) {
  const ctx = audioContext();
  if (!ctx) return;
  CHIMES[kind].forEach((frequency, i) => {
    const at = ctx.currentTime + 0.02 + i * 0.16;
    const osc = ctx.createOscillator();
    const gain = ctx.createGain();
    osc.frequency.value = frequency;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.06, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0005, at + 0.45);
    osc.connect(gain).connect(ctx.destination);
    osc.start(at);
    osc.stop(at + 0.5);
  });
}

/**
 * tone plays a short chime on a speaker, so that the person hears whether it works.
 * @param {string} sinkId @returns {Promise<void>} resolves when it is over
 */
export async function tone(sinkId) {
  const ctx = audioContext();
  if (!ctx) return;
  const out = ctx.createMediaStreamDestination();
  const gain = ctx.createGain();
  gain.gain.setValueAtTime(0, ctx.currentTime);
  gain.connect(out);
  [523.25, 659.25, 783.99].forEach((frequency, i) => {
    const at = ctx.currentTime + i * 0.22;
    const osc = ctx.createOscillator();
    osc.frequency.value = frequency;
    osc.connect(gain);
    gain.gain.linearRampToValueAtTime(0.25, at + 0.02);
    gain.gain.linearRampToValueAtTime(0.02, at + 0.2);
    osc.start(at);
    osc.stop(at + 0.22);
  });
  const audio = new Audio();
  audio.srcObject = out.stream;
  if (sinkId && 'setSinkId' in audio) await /** @type {any} */ (audio).setSinkId(sinkId).catch(() => {});
  await audio.play().catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 900));
  audio.srcObject = null;
}
