// Pauses of the pictures that come, and what can have made them.

/**
 * @typedef {object} Pause of a second or more
 * @property {string} stream @property {number} at Unix ms @property {number} ms
 * @property {Record<string, number>} change of the browser's counts of this stream from before it to after it
 * @property {Record<string, number>} worker change of what the encryption worker counted, over all streams
 * @property {number} blind longest time in it, in ms, in which the page itself did not run
 * @property {string[]} heard the server's messages on slots and layers, from 2 s before, with ms since the pause began
 */

/**
 * @typedef {{at: number, rates: Record<string, Record<string, number>>}} Sent what one's own video encodings counted
 *   until then, by source and layer; at in Unix ms
 */

/**
 * Looks for pauses of the received video. Runs in the page, so it may use nothing from this module.
 * @param {number} ms how long to look
 * @returns {Promise<{longest: number, frames: number, freezes: number, pauses: Pause[], sent: Sent[]}>} longest pause
 *   between decoded frames in ms (looked at every 100), of the streams that played at the beginning; frames decoded;
 *   seconds frozen by the browser's own count
 */
export async function watchPauses(ms) {
  /** @type {import('./hooks.js').Probe} */
  const probe = Reflect.get(window, 'conclaveProbe');
  const pick = [
    'packetsReceived',
    'packetsLost',
    'packetsDiscarded',
    'framesReceived',
    'framesDecoded',
    'framesDropped',
    'framesAssembledFromMultiplePackets',
    'keyFramesDecoded',
    'pliCount',
    'nackCount',
    'firCount',
    'freezeCount',
    'frameHeight',
    'jitterBufferDelay',
    'jitterBufferEmittedCount',
    'totalDecodeTime',
  ];
  const outgoing = [
    'framesEncoded',
    'framesSent',
    'keyFramesEncoded',
    'packetsSent',
    'pliCount',
    'firCount',
    'nackCount',
    'frameHeight',
    'active',
  ];
  /** @type {Sent[]} */
  const sent = [];
  /** @typedef {{stats: Record<string, Record<string, number>>, worker: Record<string, number>, at: number}} Look */
  /** @returns {Promise<Look>} */
  const look = async () => {
    /** @type {Look} */
    const seen = { stats: {}, worker: {}, at: 0 };
    for (const connection of probe.connections) {
      if (connection.connectionState !== 'connected') continue;
      /** @type {Sent} */
      const mine = { at: Math.round(performance.timeOrigin + performance.now()), rates: {} };
      (await connection.getStats()).forEach((r) => {
        if (r.type === 'outbound-rtp' && r.kind === 'video' && r.packetsSent > 0) {
          mine.rates[`${r.mid} ${r.rid ?? ''}`] = Object.fromEntries(
            outgoing.map((name) => [name, Number(r[name] ?? 0)]),
          );
        }
        if (r.type !== 'inbound-rtp' || r.kind !== 'video' || !(r.framesDecoded > 0)) return;
        seen.stats[r.id] = Object.fromEntries([...pick, 'totalFreezesDuration'].map((name) => [name, r[name] ?? 0]));
        seen.stats[r.id].mid = Number(r.mid ?? -1);
      });
      if (mine.at - (sent.at(-1)?.at ?? 0) >= 500) sent.push(mine);
    }
    for (const slot of Object.values((await probe.counts()).opened)) {
      for (const [name, n] of Object.entries(slot)) seen.worker[name] = (seen.worker[name] ?? 0) + n;
    }
    seen.at = performance.now();
    return seen;
  };
  /** @param {Record<string, number>} before @param {Record<string, number>} after */
  const change = (before, after) =>
    Object.fromEntries(
      Object.entries(after)
        .map(([name, n]) => [name, Math.round((n - (before[name] ?? 0)) * 1000) / 1000])
        .filter(([, n]) => n !== 0),
    );

  const earlier = await look();
  await new Promise((resolve) => {
    setTimeout(resolve, 1500);
  });
  const first = await look();
  /** @type {Map<string, {frames: number, before: Look, blind: number}>} */
  const last = new Map(
    Object.entries(first.stats)
      .filter(([id, s]) => s.framesDecoded > (earlier.stats[id]?.framesDecoded ?? 0))
      .map(([id, s]) => [id, { frames: s.framesDecoded, before: first, blind: 0 }]),
  );
  /** @type {Pause[]} */
  const pauses = [];
  let longest = 0;
  /** @param {string} id @param {{frames: number, before: Look, blind: number}} seen @param {Look} now */
  const ends = (id, seen, now) => {
    const took = now.at - seen.before.at;
    longest = Math.max(longest, took);
    if (took < 1000 || pauses.length >= 20) return;
    const mid = now.stats[id]?.mid ?? seen.before.stats[id].mid;
    pauses.push({
      stream: `${id} mid ${mid}`,
      at: Math.round(performance.timeOrigin + seen.before.at),
      ms: Math.round(took),
      blind: Math.round(seen.blind),
      change: change(seen.before.stats[id], now.stats[id] ?? {}),
      worker: change(seen.before.worker, now.worker),
      heard: probe.heard
        .filter((h) => h.at > seen.before.at - 2000 && h.at <= now.at)
        .map((h) => `${Math.round(h.at - seen.before.at)}: ${h.text.slice(0, 500)}`),
    });
  };
  let now = first;
  for (const end = performance.now() + ms; performance.now() < end;) {
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    const since = now.at;
    now = await look();
    for (const [id, seen] of last) {
      seen.blind = Math.max(seen.blind, now.at - since - 100);
      const frames = now.stats[id]?.framesDecoded ?? seen.frames;
      if (frames <= seen.frames) continue;
      ends(id, seen, now);
      last.set(id, { frames, before: now, blind: 0 });
    }
  }
  for (const [id, seen] of last) if (now.at > seen.before.at) ends(id, seen, now);
  let frames = 0;
  let freezes = 0;
  for (const [id, s] of Object.entries(now.stats)) {
    frames += s.framesDecoded - (first.stats[id]?.framesDecoded ?? 0);
    freezes += s.totalFreezesDuration - (first.stats[id]?.totalFreezesDuration ?? 0);
  }
  return { longest, frames, freezes, pauses, sent };
}

/**
 * What there is to say of a pause, with what the others sent meanwhile.
 * @param {Pause} pause @param {{name: string, sent: Sent[]}[]} others
 * @returns {string}
 */
export function explain(pause, others) {
  const lines = [JSON.stringify(pause)];
  for (const { name, sent } of others) {
    const near = sent.filter((s) => s.at > pause.at - 2000 && s.at < pause.at + pause.ms + 1000);
    for (const [i, { at, rates }] of near.entries()) {
      const before = near[i - 1]?.rates;
      if (!before) continue;
      const grown = Object.entries(rates).map(
        ([layer, r]) =>
          `${layer}: ${Object.entries(r)
            .map(([k, n]) =>
              k === 'frameHeight' || k === 'active' ? `${k} ${n}` : [k, n - (before[layer]?.[k] ?? 0)].join(' +'),
            )
            .filter((x) => !x.endsWith('+0'))
            .join(', ')}`,
      );
      lines.push(`  ${name} at ${at - pause.at}: ${grown.join('; ')}`);
    }
  }
  return lines.join('\n');
}
