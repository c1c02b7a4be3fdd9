import net from 'node:net';

/**
 * Starts a mail server on this machine's loopback that takes every message (RFC 5321) and hands on the sign-in codes.
 * @param {(line: string) => void} print gets each code as a server without mail prints it to its console
 * @returns {Promise<{port: number, stop: () => void}>}
 */
export async function startMail(print) {
  /** @type {Set<net.Socket>} */
  const open = new Set();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
    converse(socket, print);
  });
  await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(undefined));
  });
  return {
    port: /** @type {net.AddressInfo} */ (server.address()).port,
    stop: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** @param {net.Socket} socket @param {(line: string) => void} print */
function converse(socket, print) {
  let rest = '';
  let to = '';
  /** @type {string[] | undefined} */
  let message;
  socket.setEncoding('utf8');
  socket.write('220 mail.example.test\r\n');
  socket.on('data', (/** @type {string} */ data) => {
    const lines = (rest + data).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (message && line !== '.') {
        message.push(line);
      } else if (message) {
        const code = message.join('\n').match(/code is\s+(\d{6,8})/)?.[1];
        if (code) print(`sign-in code for ${to}: ${code} (by mail)`);
        message = undefined;
        socket.write('250 taken\r\n');
      } else if (/^DATA/i.test(line)) {
        message = [];
        socket.write('354 go on\r\n');
      } else if (/^QUIT/i.test(line)) {
        socket.end('221 bye\r\n');
      } else {
        to = line.match(/^RCPT TO:<(.*)>/i)?.[1] ?? to;
        socket.write('250 well\r\n');
      }
    }
  });
}
