// node ws: keeps messages, or opening handshakes, in flight on each connection,
// and records how long each took with node's own histogram.
import { createHistogram } from 'node:perf_hooks';
import WebSocket from 'ws';

const { URL: url, CONNS, IN_FLIGHT, SIZE, HANDSHAKES } = process.env;
const payload = Buffer.alloc(Number(SIZE), 'x');
const latency = createHistogram();

function record(begin) {
  latency.record(Math.max(Math.round((performance.now() - begin) * 1e6), 1));
}

function connect() {
  const begin = performance.now();
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const sent = [];
  const send = () => {
    sent.push(performance.now());
    socket.send(payload);
  };
  socket.on('error', () => {});
  socket.on('open', () => {
    if (HANDSHAKES === '1') {
      record(begin);
      socket.close();
      return;
    }
    socket._socket.setNoDelay(true);
    for (let i = 0; i < Number(IN_FLIGHT); i++) send();
  });
  if (HANDSHAKES === '1') socket.on('close', connect);
  socket.on('message', () => {
    record(sent.shift());
    send();
  });
}

for (let i = 0; i < Number(CONNS); i++) connect();
