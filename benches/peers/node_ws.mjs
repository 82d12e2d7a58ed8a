// node ws: keeps messages in flight on each connection; prints what was done,
// the seconds it took and the processor time it used.
import WebSocket from 'ws';

const [url, conns, inFlight, size, seconds, handshakes] = process.argv.slice(2);
const payload = Buffer.alloc(Number(size), 'x');
let done = 0;

function connect() {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  socket.on('error', () => {});
  socket.on('open', () => {
    socket._socket.setNoDelay(true);
    if (handshakes === '1') {
      done++;
      socket.close();
      return;
    }
    for (let i = 0; i < Number(inFlight); i++) socket.send(payload);
  });
  if (handshakes === '1') socket.on('close', connect);
  socket.on('message', () => {
    done++;
    socket.send(payload);
  });
}

for (let i = 0; i < Number(conns); i++) connect();
setTimeout(() => {
  const [before, usage, from] = [done, process.cpuUsage(), performance.now()];
  setTimeout(() => {
    const used = process.cpuUsage(usage);
    const elapsed = (performance.now() - from) / 1000;
    console.log(JSON.stringify({ done: done - before, elapsed, cpu: (used.user + used.system) / 1e6 }));
    process.exit(0);
  }, Number(seconds) * 1000);
}, 500);
