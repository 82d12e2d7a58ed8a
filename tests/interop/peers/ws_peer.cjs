// The Node.js library `ws` as an echo server and as a client that checks one.
// The same command line, ready line and checks as the Python peers (see common.py).
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { createRequire } = require('node:module');
const path = require('node:path');
const { parseArgs } = require('node:util');

const CLOSE_CODE = 4001;
const CLOSE_REASON = 'checked, thank you ✓';

const target = process.env.CARGO_TARGET_DIR || path.join(__dirname, '..', '..', '..', 'target');
const WebSocket = createRequire(path.join(target, 'interop-peers', 'node', 'package.json'))('ws');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    compress: { type: 'boolean', default: false },
    'server-no-context-takeover': { type: 'boolean' },
    'client-no-context-takeover': { type: 'boolean' },
    'server-max-window-bits': { type: 'string' },
    'client-max-window-bits': { type: 'string' },
  },
});

function perMessageDeflate() {
  if (!options.compress) return false;
  const bits = (name) => (options[name] === undefined ? undefined : Number(options[name]));
  return {
    // Compress the short messages as well: they are what the checks send most.
    threshold: 0,
    serverNoContextTakeover: options['server-no-context-takeover'],
    clientNoContextTakeover: options['client-no-context-takeover'],
    serverMaxWindowBits: bits('server-max-window-bits'),
    clientMaxWindowBits: bits('client-max-window-bits'),
  };
}

function serve() {
  process.stdin.on('end', () => process.exit(0)).resume();
  const server = new WebSocket.Server({ host: '127.0.0.1', port: 0, perMessageDeflate: perMessageDeflate() });
  server.on('connection', (socket) => {
    socket.on('error', (error) => console.error(`connection: ${error.message}`));
    socket.on('message', (data, isBinary) => {
      const close = isBinary ? null : /^close (\d+) ?(.*)$/s.exec(data.toString());
      if (close) socket.close(Number(close[1]), close[2]);
      else socket.send(data, { binary: isBinary });
    });
  });
  server.on('listening', () => {
    const { port } = server.address();
    console.log(JSON.stringify({ port, url: `ws://127.0.0.1:${port}/` }));
  });
}

// Deterministic noise (xorshift), so that a failure can be repeated.
function noise(length) {
  const bytes = Buffer.alloc(length);
  let state = 7692;
  for (let i = 0; i < length; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 0xff;
  }
  return bytes;
}

function messages() {
  const half = 5 << 19;
  return [
    ['text', 'hello, wörld ✓'],
    ['binary', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
    ['empty text', ''],
    ['empty binary', Buffer.alloc(0)],
    ['text again', 'hello, wörld ✓'],
    ['1 MiB text', 'grüße, 世界, 🦀 '.repeat(1 << 16).slice(0, 1 << 20)],
    ['5 MiB binary', Buffer.concat([noise(half), Buffer.alloc(half)])],
    ['text after large ones', 'still here'],
  ];
}

async function check(url) {
  const checks = [];
  const socket = new WebSocket(url, { perMessageDeflate: perMessageDeflate() });
  // `once` rejects on 'error', and on this signal should the peer hang.
  const signal = AbortSignal.timeout(60_000);
  await once(socket, 'open', { signal });
  assert.equal(socket.extensions.startsWith('permessage-deflate'), options.compress, 'extensions');
  checks.push('extensions');

  const expectEcho = async (name, payload) => {
    const [data, isBinary] = await once(socket, 'message', { signal });
    assert.equal(isBinary, typeof payload !== 'string', `${name}: kind of message`);
    assert.ok(data.equals(Buffer.from(payload)), `${name}: sent ${payload.length}, received ${data.length} bytes`);
    checks.push(name);
  };

  for (const [name, payload] of messages()) {
    socket.send(payload);
    await expectEcho(name, payload);
  }
  const pieces = ['first, ', '', 'zwölf, ', '🦀', '', 'last'];
  pieces.forEach((piece, i) => socket.send(piece, { fin: i === pieces.length - 1 }));
  await expectEcho('fragments', pieces.join(''));

  socket.ping('are you there?');
  const [pong] = await once(socket, 'pong', { signal });
  assert.equal(pong.toString(), 'are you there?', 'pong payload');
  checks.push('ping');

  socket.close(CLOSE_CODE, CLOSE_REASON);
  const [code, reason] = await once(socket, 'close', { signal });
  assert.equal(code, CLOSE_CODE, 'close code');
  assert.equal(reason.toString(), CLOSE_REASON, 'close reason');
  checks.push('close');
  console.log(JSON.stringify({ passed: checks }));
}

const [role, url] = positionals;
if (role === 'serve' && !url) {
  serve();
} else if (role === 'check' && url) {
  check(url).then(
    () => process.exit(0),
    (error) => {
      console.error(`check failed: ${error.message}`);
      process.exit(1);
    },
  );
} else {
  console.error('usage: ws_peer.cjs serve|check URL [--compress [PARAMETERS]]');
  process.exit(2);
}
