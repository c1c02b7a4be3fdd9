// A name server for a network of the tests, run as a process in the router's namespace:
//
//   node dns.js '{"meet.example.test": ["203.0.113.10", "2001:db8:1::10"]}'
//
// It answers A and AAAA (RFC 1035, RFC 3596), says that other types have no record, and that other names do not exist.
import dgram from 'node:dgram';
import net from 'node:net';

/** @type {Record<string, string[]>} */
const zone = JSON.parse(process.argv[2]);
const types = { 1: 4, 28: 6 }; // of records, by family

/** @param {string} address @returns {Buffer} */
function octets(address) {
  if (net.isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head, tail] = address.split('::').map((half) => (half ? half.split(':') : []));
  const groups = tail ? [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail] : head;
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** @param {Buffer} query @returns {Buffer | undefined} nothing for what is not a question */
function answer(query) {
  if (query.length < 17 || query.readUInt16BE(4) !== 1) return undefined;
  const labels = [];
  let at = 12;
  while (at < query.length && query[at] > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    at += 1 + query[at];
  }
  if (at + 5 > query.length) return undefined;
  const family = types[/** @type {1 | 28} */ (query.readUInt16BE(at + 1))];
  const known = zone[labels.join('.').toLowerCase()];
  const records = (known ?? []).filter((address) => net.isIP(address) === family).map(octets);
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(known ? 0x8580 : 0x8583, 2); // an answer with authority; 3: no such name
  header.writeUInt16BE(records.length, 6);
  header.writeUInt32BE(0, 8);
  const parts = [header, query.subarray(12, at + 5)];
  for (const data of records) {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0); // the name of the question
    query.copy(record, 2, at + 1, at + 5);
    record.writeUInt32BE(60, 6);
    record.writeUInt16BE(data.length, 10);
    parts.push(record, data);
  }
  return Buffer.concat(parts);
}

let waiting = 2;
for (const [type, address] of /** @type {const} */ ([
  ['udp4', '203.0.113.53'],
  ['udp6', '2001:db8:53::53'],
])) {
  const socket = dgram.createSocket(type);
  socket.on('message', (query, from) => {
    const reply = answer(query);
    if (reply) socket.send(reply, from.port, from.address);
  });
  socket.bind(53, address, () => {
    waiting -= 1;
    if (waiting === 0) console.log('ready');
  });
}
