// One connection at a time: opening, talking, ending, and coming back.

const STATE_NAMES = ["connecting", "open", "closing", "closed"];
const WORDS = {
  ready: "Ready to connect...", connecting: "Connecting...", open: "Open", closing: "Closing...", closed: "Closed",
  waiting: "Waiting to reconnect...",
};
const MIN_RETRY_MS = 500;
const MAX_RETRY_MS = 30000;
// A connection that has held so long was a good one: pauses begin anew.
const GOOD_MS = 10000;
const EXPLAIN_MS = 5000;
const MAX_AWAITED = 100;

// The connection under way or last, and a timer where the next is waited for.
let current = null;
let connections = 0;
let retry = 0;
let tries = 0;
let counters = newCounters();

// `awaited` is what was sent and has not come back.
function newCounters() {
  return { out: { messages: 0, bytes: 0 }, in: { messages: 0, bytes: 0 }, awaited: [], echoMs: null, openMs: null };
}

function stateName() {
  if (retry) return "waiting";
  return current ? STATE_NAMES[current.socket.readyState] : "ready";
}

const isOpen = () => stateName() === "open";

function showState() {
  const name = stateName();
  stateLine.dataset.state = name;
  const chosen = name === "open" && current.socket.protocol ? ` (subprotocol ${current.socket.protocol})` : "";
  stateLine.textContent = WORDS[name] + chosen;
  send.disabled = name !== "open";
  const cancels = name === "connecting" || name === "waiting";
  close.disabled = !cancels && name !== "open";
  close.textContent = cancels ? "Cancel" : "Close Socket";
  // While a socket lives there is no second one: a double click is one connection.
  const busy = cancels || name === "open" || name === "closing";
  for (const control of [url, subprotocol, connect, lab]) control.disabled = busy;
  showStats();
}

function showStats() {
  if (!current) return;
  const { out, in: back, echoMs } = counters;
  const openMs = isOpen() ? performance.now() - current.openedAt : counters.openMs;
  const parts = [
    `sent ${out.messages} (${byteSize(out.bytes)})`, `received ${back.messages} (${byteSize(back.bytes)})`,
  ];
  if (echoMs !== null) parts.push(`last echo ${echoMs.toFixed(1)} ms`);
  if (openMs !== null) parts.push(`open ${elapsedTime(openMs)}`);
  stats.textContent = parts.join(" \u00b7 ");
}

// ---- opening ------------------------------------------------------------

const offeredProtocols = () => subprotocol.value.split(",").map((name) => name.trim()).filter(Boolean);

function connectNow() {
  if (stateName() !== "ready" && stateName() !== "closed") return;
  url.value = withScheme(url.value);
  counters = newCounters();
  tries = 0;
  if (dial(url.value)) remember(url.value);
}

function dial(address) {
  let socket;
  try {
    socket = new WebSocket(address, offeredProtocols());
  } catch (error) {
    fail(`Cannot connect: ${error.message}`);
    return false;
  }
  const mine = { socket, address, openedAt: null, isCancelled: false, isClosedHere: false };
  current = mine;
  socket.binaryType = "arraybuffer";
  socket.onopen = () => opened(mine);
  socket.onmessage = ({ data }) => received(typeof data === "string" ? data : new Uint8Array(data));
  socket.onclose = (event) => ended(mine, event);
  showState();
  return true;
}

function opened(mine) {
  const { socket } = mine;
  mine.openedAt = performance.now();
  connections += 1;
  const event = { direction: "out", source: "automatic", type: "open", url: withoutSecrets(socket.url, "[redacted]"), status: 101 };
  if (socket.protocol) event.subprotocol = socket.protocol;
  if (socket.extensions) event.extensions = socket.extensions;
  // A browser shows a page neither the times nor the heads of the handshake.
  note("Connection opened", { ...event, timings: {} });
  showState();
  focusIfLost(message);
}

// ---- talking ------------------------------------------------------------

function received(data) {
  const bytes = tally(counters.in, data);
  const at = counters.awaited.findIndex((sent) => sameData(sent.data, data));
  if (at >= 0) {
    counters.echoMs = performance.now() - counters.awaited[at].at;
    counters.awaited.splice(0, at + 1);
  }
  recordMessage("in", data, bytes);
}

function transmit(data) {
  if (!isOpen()) {
    fail("The socket is not open; connect first");
    return false;
  }
  current.socket.send(data);
  const bytes = tally(counters.out, data);
  counters.awaited.push({ data, at: performance.now() });
  if (counters.awaited.length > MAX_AWAITED) counters.awaited.shift();
  follow();
  recordMessage("out", data, bytes);
  return true;
}

// The size of the message, in bytes.
function tally(direction, data) {
  const bytes = lengthOf(data);
  direction.messages += 1;
  direction.bytes += bytes;
  return bytes;
}

// ---- ending -------------------------------------------------------------

function closeNow() {
  if (retry) return stopRetrying();
  if (stateName() === "connecting") {
    current.isCancelled = true;
    current.socket.close();
  } else if (isOpen()) {
    closeOpen();
  }
  return showState();
}

function closeOpen() {
  const [code, reason] = [closeCode.value.trim(), asSent(closeReason.value)];
  checkClose();
  const wrong = [closeCode, closeReason].find((field) => !field.checkValidity());
  if (wrong) {
    options.open = true;
    wrong.reportValidity();
    return;
  }
  current.isClosedHere = true;
  const event = { direction: "out", source: "user", type: "close" };
  if (code) {
    current.socket.close(Number(code), reason);
    note(`Closing. Code: ${code}. Reason: ${reason || "none"}`, { ...event, code: Number(code), reason });
  } else {
    current.socket.close();
    note("Closing without a code", { ...event, code: 1005, reason: "" });
  }
}

function ended(mine, { code, reason, wasClean }) {
  if (mine.openedAt !== null) {
    counters.openMs = performance.now() - mine.openedAt;
    const event = { direction: "in", source: wasClean ? "peer" : "automatic", type: "close", code, reason };
    note(`Connection closed. Code: ${code}. Reason: ${reason || "none"}`, event);
    if (counters.openMs > GOOD_MS) tries = 0;
  } else if (mine.isCancelled) {
    note("Connecting was cancelled");
  } else {
    explain(mine.address).then((why) => fail(`Could not connect: ${why}`));
  }
  if (reconnect.checked && !mine.isCancelled && !mine.isClosedHere) retryLater(mine.address);
  showState();
  focusIfLost(retry ? close : connect);
}

function retryLater(address) {
  const pause = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** tries);
  tries += 1;
  note(`Reconnecting in ${pause / 1000} s (attempt ${tries})`);
  retry = setTimeout(() => {
    retry = 0;
    dial(address);
  }, pause);
}

function stopRetrying() {
  clearTimeout(retry);
  retry = 0;
  note("Reconnecting was cancelled");
  showState();
  focusIfLost(connect);
}

// ---- why ----------------------------------------------------------------

// A browser tells a page nothing of why a handshake failed. Of its own server a page
// can ask the same address by a plain GET, and see the status.
async function explain(address) {
  const { protocol, host, pathname, search } = new URL(address, location.href);
  const plain = `${protocol === "wss:" ? "https:" : "http:"}//${host}`;
  if (plain !== location.origin) return explainForeign(protocol, host);
  const request = { redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(EXPLAIN_MS) };
  try {
    const response = await fetch(plain + pathname + search, request);
    return await explainStatus(response);
  } catch (error) {
    if (error.name === "TimeoutError") return `${host} does not answer a plain request in ${EXPLAIN_MS / 1000} s either`;
    return `${host} refuses the connection, or has gone`;
  }
}

async function explainStatus(response) {
  if (response.type === "opaqueredirect") return "the server redirects, which a browser does not follow for a WebSocket";
  const said = await firstLine(response);
  const status = `${response.status}${said && ` (${said})`}`;
  if (response.status < 300) return `no WebSocket here: the server answers ${response.status} with a document`;
  const isForPlain = !said || /upgrade|websocket/i.test(said);
  if (response.status === 426 || (response.status === 400 && isForPlain)) {
    return `the server is there, and a plain request gets ${status}; it may refuse the origin of this page, `
      + `${location.origin}, be full, or have answered the handshake wrongly`;
  }
  return `the server answers ${status}`;
}

// Of a short text; a document is not shown.
async function firstLine(response) {
  if (!/^text\/plain/.test(response.headers.get("content-type") || "")) return "";
  const reader = response.body.getReader();
  const { value } = await reader.read();
  reader.cancel();
  return new TextDecoder().decode((value || new Uint8Array()).subarray(0, 300)).split("\n", 1)[0];
}

function explainForeign(protocol, host) {
  const certificate = protocol === "wss:" ? ", have a certificate that this browser does not trust" : "";
  return `a browser does not say why; ${host} may be down${certificate}, or refuse the origin of this page, `
    + `${location.origin}. \`wscli connect\` with the same address tells`;
}

// What a request of this page looks like to its server, by the fault lab's /json.
function showWhatTheServerSees() {
  const label = "The server sees";
  const socket = new WebSocket(ownAddress("/json"), offeredProtocols());
  let told = false;
  socket.onmessage = ({ data }) => {
    if (!told) record({ look: "note", label, data: String(data) });
    told = true;
    socket.close(1000);
  };
  socket.onclose = () => { if (!told) fail("The server did not tell what it sees; /json could not be opened"); };
}
