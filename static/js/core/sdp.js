// What leaves this device in an offer. The server is ICE-lite and discovers us by our checks, so it needs no
// address of ours (docs/protocol.md, offer).

/**
 * stripAddresses removes candidates and every address from an offer.
 * @param {string} sdp @returns {string}
 */
export function stripAddresses(sdp) {
  return sdp
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('a=candidate:') && line !== 'a=end-of-candidates')
    .map((line) => {
      if (line.startsWith('c=')) return 'c=IN IP4 0.0.0.0';
      if (line.startsWith('a=rtcp:')) return 'a=rtcp:9 IN IP4 0.0.0.0';
      if (line.startsWith('o=')) return line.replace(/ IN IP[46] \S+$/, ' IN IP4 0.0.0.0');
      return line.replace(/^(m=\w+) [1-9]\d* /, '$1 9 ');
    })
    .join('\r\n');
}

/**
 * keepCodecs picks the codecs a meeting uses out of what the browser can do. The server takes the first that it knows
 * of a sending m-line, and sends whatever is among those of a receiving one.
 * @template {{mimeType: string}} C
 * @param {readonly C[]} codecs
 * @param {'audio'|'video'} kind
 * @param {string} [first] the video codec to send: vp8, vp9 or av1
 * @returns {C[]}
 */
export function keepCodecs(codecs, kind, first = 'vp8') {
  const video = ['vp8', 'vp9', 'av1']
    .sort((a, b) => Number(b === first) - Number(a === first))
    .map((c) => `video/${c}`);
  const wanted = kind === 'audio' ? ['audio/opus'] : [...video, 'video/rtx'];
  return wanted.flatMap((mime) => codecs.filter((c) => c.mimeType.toLowerCase() === mime));
}

/**
 * constantAudio has Opus send the same amount whether one speaks or not (RFC 7587 §6.1): sizes and pauses would tell
 * the server.
 * @param {string} answer @returns {string}
 */
export function constantAudio(answer) {
  const opus = [...answer.matchAll(/^a=rtpmap:(\d+) opus\//gim)].map(([, pt]) => pt);
  return answer.replace(/^a=fmtp:(\d+) (.*)$/gm, (line, pt, parameters) => {
    if (!opus.includes(pt)) return line;
    const kept = parameters
      .trim()
      .split(';')
      .filter((/** @type {string} */ p) => !/^(cbr|usedtx)=/.test(p.trim()));
    return `a=fmtp:${pt} ${[...kept, 'cbr=1', 'usedtx=0'].join(';')}${parameters.endsWith('\r') ? '\r' : ''}`;
  });
}

/**
 * portsOf lists the ports of the server that media goes to.
 * @param {string} sdp an answer @returns {number[]} each once, lowest first
 */
export function portsOf(sdp) {
  const ports = [...sdp.matchAll(/^a=candidate:\S+ \d+ \w+ \d+ \S+ (\d+) /gm)].map(([, port]) => Number(port));
  return [...new Set(ports)].sort((a, b) => a - b);
}
