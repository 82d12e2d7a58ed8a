"use strict";
// Every value comes from the JSON of the page, or from the server, and is shown
// as text, never as markup.
const WINDOW_MS = 1500, SHOWN_CHARS = 2000, SHOWN_MESSAGES = 20;

// Opens the socket, and tells of it: state and line.
function attack(values, tell) {
  let socket, opened = false, messages = 0;
  try {
    socket = new WebSocket(values.url, values.subprotocols);
  } catch (error) {
    tell("failed", `the browser refuses to connect: ${error.message}`);
    return;
  }
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    opened = true;
    tell("open", `open${socket.protocol ? `, with the subprotocol ${socket.protocol}` : ""}`);
    if (values.message !== "") {
      socket.send(values.message);
      tell("open", `sent: ${values.message}`);
    }
    setTimeout(() => {
      if (socket.readyState === WebSocket.OPEN) tell("let-in", "the server keeps this connection open");
    }, WINDOW_MS);
  };
  socket.onmessage = ({ data }) => {
    messages += 1;
    if (messages > SHOWN_MESSAGES) return;
    const text = typeof data === "string" ? data : `${data.byteLength} bytes`;
    tell("let-in", `received: ${text.slice(0, SHOWN_CHARS)}`);
  };
  socket.onclose = ({ code, reason }) => {
    if (opened) tell("closed", `closed with ${code}${reason ? `: ${reason}` : ""}`);
    else tell("refused", "the server refused the connection, or could not be reached");
  };
}

// A sandboxed frame has the origin null, whoever made it: it gets the values
// from the page around it.
if (window !== window.parent && self.origin === "null") {
  addEventListener("message", ({ data }) => {
    attack(data, (state, line) => parent.postMessage({ state, line }, "*"));
  }, { once: true });
  parent.postMessage({ ready: true }, "*");
} else {
  addEventListener("DOMContentLoaded", () => {
    const attacks = JSON.parse(document.getElementById("attacks").textContent);
    document.getElementById("none").hidden = attacks.length > 0;
    attacks.forEach(show);
  });
}

function add(parent, name, text, attributes = {}) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return parent.appendChild(element);
}

function show(values) {
  const section = add(document.body, "section");
  add(section, "h2", values.target);
  add(section, "p", `${values.probe}: ${values.message_of_finding}`);
  const field = (label, value) => {
    const line = add(section, "label", `${label} `);
    const input = add(line, "input");
    input.value = value;
    return input;
  };
  const url = field("Address", values.url);
  const subprotocols = field("Subprotocols", values.subprotocols.join(", "));
  const message = field("First message", values.message);
  add(section, "p", values.how, { class: "how" });
  if (values.command !== "") add(section, "pre", values.command);
  const button = add(section, "button", "Open the WebSocket");
  const state = add(section, "output", "not tried", { "data-state": "idle" });
  const log = add(section, "ol");

  const origin = () => (values.origin === "null" ? "null" : self.origin);
  const tell = (name, line) => {
    // What was let in and closed later stays let in.
    if (!(state.dataset.state === "let-in" && name !== "let-in")) {
      state.dataset.state = name;
      state.textContent = {
        "open": "opened",
        "let-in": `Let in: a page of the origin ${origin()} talks to this server from your browser`,
        "closed": "Opened, and closed before anything could be done",
        "refused": `Refused: the server does not let the origin ${origin()} in`,
        "failed": "Not tried",
      }[name];
    }
    add(log, "li", line);
  };
  const run = () => {
    state.dataset.state = "waiting";
    state.textContent = "waiting";
    log.replaceChildren();
    const names = subprotocols.value.split(",").map((name) => name.trim()).filter((name) => name !== "");
    const chosen = { url: url.value, subprotocols: names, message: message.value };
    if (values.origin === "null") inFrame(section, chosen, tell);
    else attack(chosen, tell);
  };
  button.addEventListener("click", run);
  const fits = values.any_origin ? !values.allowed.includes(self.origin) : values.origin === "null" || values.origin === self.origin;
  if (!fits) tell("failed", `this page has the origin ${self.origin}; the server lets ${values.origin} in`);
  else if (values.incomplete) tell("failed", "fill in what was redacted, and press the button");
  else run();
}

function inFrame(section, values, tell) {
  const page = document.documentElement.cloneNode(true);
  const frame = add(section, "iframe", undefined, { sandbox: "allow-scripts", hidden: "" });
  const listen = ({ source, data }) => {
    if (source !== frame.contentWindow) return;
    if (data.ready) frame.contentWindow.postMessage(values, "*");
    else tell(data.state, data.line);
  };
  addEventListener("message", listen);
  page.querySelector("body").replaceChildren();
  frame.srcdoc = page.outerHTML;
}
