// The Node servers of the zoo: node node.js KIND PORT
'use strict';
const http = require('http');
const [kind, portText] = process.argv.slice(2);
const port = Number(portText);
const CLIENT = 'https://client.com';

function refuse(socket, status = '403 Forbidden', headers = '') {
  socket.end(`HTTP/1.1 ${status}\r\n${headers}Connection: close\r\nContent-Length: 0\r\n\r\n`);
}

// A server on the package ws. `check` gets the origin and the request, and
// returns what refuse() is to answer, or nothing.
function ws(check, talk = () => {}) {
  const { WebSocketServer } = require('ws');
  const server = http.createServer((request, response) => response.end('hello'));
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    const refusal = check(request.headers.origin, request);
    if (refusal) return refuse(socket, ...refusal);
    sockets.handleUpgrade(request, socket, head, (client) => talk(client, request));
  });
  server.listen(port, '127.0.0.1');
}

const FORBIDDEN = ['403 Forbidden'];
const only = (ok) => (origin, request) => (ok(origin || '', request) ? undefined : FORBIDDEN);
const exact = only((origin) => origin === CLIENT);
const echo = (client) => client.on('message', (data, binary) => client.send(data, { binary }));

const kinds = {
  'ws-exact': () => ws(exact, echo),
  'ws-starts': () => ws(only((origin) => origin.startsWith(CLIENT)), echo),
  'ws-includes': () => ws(only((origin) => origin.includes('client.com')), echo),
  'ws-reversed': () => ws(only((origin) => origin !== '' && CLIENT.includes(origin)), echo),
  // Greets with words that change, and repeats the origin.
  'ws-greets': () => ws(exact, (client, request) => {
    const id = Math.random().toString(36);
    client.send(JSON.stringify({ type: 'welcome', id, from: request.headers.origin, at: Date.now() }));
  }),
  'ws-greets-all': () => ws(() => undefined, (client, request) => {
    const names = ['amber', 'birch', 'cedar', 'dune', 'ember', 'fjord', 'grove', 'heath'];
    const name = names[Math.floor(Math.random() * names.length)];
    client.send(JSON.stringify({ type: 'welcome', name, from: request.headers.origin || null }));
  }),
  // A subdomain of a user's is trusted, the exemption for development too.
  'ws-dev': () => ws(only((origin) => origin === CLIENT || origin.startsWith('http://localhost')), echo),
  'ws-subdomains': () => ws(only((origin) => /^https:\/\/([a-z0-9-]+\.)*client\.com$/.test(origin)), echo),
  // Says nothing to strangers, and stays open.
  'ws-mute': () => ws(() => undefined, (client, request) => {
    if (request.headers.origin === CLIENT) echo(client);
  }),
  'ws-error-message': () => ws(() => undefined, (client, request) => {
    if (request.headers.origin === CLIENT) return echo(client);
    client.send(JSON.stringify({ error: 'origin not allowed' }));
  }),
  'ws-cookie': () => ws((origin, request) => {
    if (!/\bsid=secret-session\b/.test(request.headers.cookie || '')) return ['401 Unauthorized'];
    return exact(origin, request);
  }, echo),
  'ws-token': () => ws(() => undefined, (client) => client.close(4401, 'token missing')),
  'ws-closes-all': () => ws(() => undefined, (client) => {
    client.send('that is all');
    client.close(1000, 'bye');
  }),
  // Twenty requests in two seconds.
  'ws-limited': () => {
    let times = [];
    ws((origin) => {
      const now = Date.now();
      times = times.filter((time) => now - time < 2000);
      if (times.length >= 20) return ['429 Too Many Requests', 'Retry-After: 2\r\n'];
      times.push(now);
      return exact(origin);
    }, echo);
  },
  // As above, told after the 101, and to nobody in particular.
  'ws-limited-101': () => {
    let times = [];
    ws(exact, (client) => {
      const now = Date.now();
      times = times.filter((time) => now - time < 3000);
      if (times.length >= 12) return client.close(1013, 'slow down');
      times.push(now);
      echo(client);
    });
  },
  'ws-one-client': () => {
    let current = null;
    ws((origin) => (current ? ['503 Service Unavailable'] : exact(origin)), (client) => {
      current = client;
      client.on('close', () => { current = null; });
      echo(client);
    });
  },
  'ws-eof': () => {
    const { WebSocketServer } = require('ws');
    const server = http.createServer();
    const sockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      if (request.headers.origin !== CLIENT) return socket.destroy();
      sockets.handleUpgrade(request, socket, head, echo);
    });
    server.listen(port, '127.0.0.1');
  },
  // An exception for every foreign origin, caught by nobody but the proxy.
  'ws-500': () => ws((origin) => (origin === CLIENT ? undefined : ['500 Internal Server Error']), echo),
  // The value is parsed without a try: 'null' is no URL.
  'ws-crash': () => ws(only((origin) => new URL(origin).host === 'client.com'), echo),
  'express-ws-after101': () => {
    const app = require('express')();
    require('express-ws')(app);
    app.ws('/ws', (client, request) => {
      if (request.headers.origin !== CLIENT) return client.close(1008, 'bad origin');
      echo(client);
    });
    app.listen(port, '127.0.0.1');
  },
  'fastify-dot': () => {
    const fastify = require('fastify')();
    fastify.register(require('@fastify/websocket'), {
      options: { verifyClient: (info) => /^https:\/\/app.client.com$/.test(info.origin || '') },
    });
    fastify.register(async (app) => {
      app.get('/ws', { websocket: true }, (client) => echo(client));
    });
    fastify.listen({ port, host: '127.0.0.1' });
  },
  'faye-null': () => {
    const Faye = require('faye-websocket');
    const server = http.createServer();
    server.on('upgrade', (request, socket, body) => {
      const { origin } = request.headers;
      if (origin !== CLIENT && origin !== 'null') return refuse(socket);
      const client = new Faye(request, socket, body);
      client.on('message', (event) => client.send(event.data));
    });
    server.listen(port, '127.0.0.1');
  },
  'socketio-cors': () => {
    const server = http.createServer();
    new (require('socket.io').Server)(server, { cors: { origin: CLIENT } });
    server.listen(port, '127.0.0.1');
  },
  'socketio-exact': () => {
    const server = http.createServer();
    new (require('socket.io').Server)(server, {
      allowRequest: (request, callback) => callback(null, request.headers.origin === CLIENT),
    });
    server.listen(port, '127.0.0.1');
  },
  'webpack-dev-server': async () => {
    const fs = require('fs');
    const os = require('os');
    const path = require('path');
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zoo-'));
    fs.writeFileSync(path.join(folder, 'index.js'), '1;\n');
    process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    const webpack = require('webpack');
    const Server = require('webpack-dev-server');
    const compiler = webpack({
      mode: 'development',
      context: folder,
      entry: './index.js',
      output: { path: folder },
      infrastructureLogging: { level: 'none' },
      stats: 'none',
    });
    await new Server({ port, host: '127.0.0.1', allowedHosts: ['client.com'] }, compiler).start();
  },
};

process.on('SIGTERM', () => process.exit(0));
kinds[kind]();
