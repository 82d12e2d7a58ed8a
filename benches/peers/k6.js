// k6: keeps IN_FLIGHT messages of SIZE bytes in flight on each connection.
import { WebSocket } from 'k6/experimental/websockets';
import { Counter } from 'k6/metrics';

const size = Number(__ENV.SIZE);
const inFlight = Number(__ENV.IN_FLIGHT);
const seconds = Number(__ENV.SECONDS);
const handshakes = __ENV.HANDSHAKES === '1';
const done = new Counter('done');
const payload = new Uint8Array(size).buffer;

export const options = {
  vus: Number(__ENV.CONNS),
  duration: `${seconds}s`,
  discardResponseBodies: true,
};

export default function () {
  const socket = new WebSocket(__ENV.URL);
  socket.binaryType = 'arraybuffer';
  let count = 0;
  socket.addEventListener('open', () => {
    if (handshakes) {
      done.add(1);
      socket.close();
      return;
    }
    for (let i = 0; i < inFlight; i++) socket.send(payload);
    setTimeout(() => {
      done.add(count);
      socket.close();
    }, (seconds - 0.5) * 1000);
  });
  socket.addEventListener('message', () => {
    count++;
    socket.send(payload);
  });
}
