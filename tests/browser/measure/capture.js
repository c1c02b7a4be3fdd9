// Everything that an encrypted meeting of two browsers puts on the wire, captured by tshark and searched for what was
// said and for who said it. The page is served over plain HTTP on loopback here, so that the WebSocket lies open in
// the capture; media is SRTP, so what the capture says of it is only its volume: that it is sealed beneath is what
// the server counts (conclave_sfu_encrypted_frames_total).
//
//   tests/browser/isolated node tests/browser/measure/capture.js
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { launch } from '../harness/browsers.js';
import { artefact } from '../harness/paths.js';
import { Person } from '../harness/person.js';
import { Server } from '../harness/server.js';
import { sleep } from '../harness/wait.js';

const file = artefact('capture.pcapng');
const server = await Server.start('capture', ['--admin-listen', '127.0.0.1:19467']);
const { port } = new URL(server.url);
// The server's own traffic: what drives Firefox goes over loopback, too, and knows the link.
const tshark = spawn('tshark', ['-q', '-i', 'any', '-f', `tcp port ${port} or udp`, '-w', file], { stdio: 'ignore' });
await sleep(2000);
const browsers = await Promise.all([launch('chromium'), launch('firefox')]);
const ana = await Person.arrive(browsers[0], server, 'Anacanary');
await ana.signIn();
await ana.createMeeting({ lobby: false });
await ana.join();
const link = ana.link();
const ben = await Person.arrive(browsers[1], server, 'Bencanary', { path: link });
await ben.signIn();
await ben.join();
await ana.press('chat', true);
await ana.write('chat-input', 'pelicancanary');
await ana.at('chat-send').click();
await ana.at('chat-message').filter({ hasText: 'pelicancanary' }).waitFor();
await sleep(5000);
const frames = await server.metric('conclave_sfu_encrypted_frames_total');
await Promise.all(browsers.map((browser) => browser.close()));
await server.stop();
tshark.kill('SIGINT');
await new Promise((resolve) => {
  tshark.once('exit', resolve);
});

/** @param {string[]} args */
const read = (args) =>
  execFileSync('tshark', ['-r', file, '-d', `tcp.port==${port},http`, ...args], { maxBuffer: 1 << 29 }).toString();
const messages = read([
  '-Y',
  'websocket',
  '-T',
  'fields',
  '-e',
  'websocket.payload',
  '-e',
  'data-text-lines',
  '-e',
  'text',
]);
const raw = readFileSync(file).toString('latin1');
const key = link.slice(link.indexOf('k=') + 2, link.indexOf('&'));
const secrets = ['Anacanary', 'Bencanary', 'pelicancanary', key];
const hex = (/** @type {string} */ word) => Buffer.from(word).toString('hex');
const found = secrets.filter((word) => raw.includes(word) || messages.includes(word) || messages.includes(hex(word)));
const control = messages.includes('"announce"') || messages.includes(hex('"announce"'));
const udp = read(['-Y', 'udp && !stun && !dtls && frame.len > 60', '-T', 'fields', '-e', 'frame.number'])
  .trim()
  .split('\n').length;
console.log(JSON.stringify({ websocketReadable: control, mediaPackets: udp, found, frames }));
process.exitCode = control && found.length === 0 ? 0 : 1;
