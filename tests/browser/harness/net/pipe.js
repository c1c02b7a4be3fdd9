// Leads connections from a socket in the file system to a port of loopback in the network namespace that it runs in.
// Firefox listens for its driver on loopback only, and the driver is in another namespace.
//
//   node pipe.js /run/firefox.sock 40001
import net from 'node:net';

const [, , file, port] = process.argv;
net
  .createServer((near) => {
    const far = net.connect(Number(port), '127.0.0.1');
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  })
  .listen(file, () => console.log('ready'));
