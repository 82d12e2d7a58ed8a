// k6: keeps IN_FLIGHT messages of SIZE bytes in flight on each connection, and
// records how long each was on its way with a trend.
import { WebSocket } from 'k6/experimental/websockets';
import { Trend } from 'k6/metrics';

const inFlight = Number(__ENV.IN_FLIGHT);
const handshakes = __ENV.HANDSHAKES === '1';
const payload = new Uint8Array(Number(__ENV.SIZE)).buffer;
const latency = new Trend('latency', true);

export const options = {
  vus: Number(__ENV.CONNS),
  duration: '30m',
  discardResponseBodies: true,
};

export default function () {
  const socket = new WebSocket(__ENV.URL);
  socket.binaryType = 'arraybuffer';
  const sent = [];
  const send = () => {
    sent.push(Date.now());
    socket.send(payload);
  };
  socket.addEventListener('open', () => {
    if (handshakes) {
      socket.close();
      return;
    }
    for (let i = 0; i < inFlight; i++) send();
  });
  socket.addEventListener('message', () => {
    latency.add(Date.now() - sent.shift());
    send();
  });
}
