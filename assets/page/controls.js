// The controls, and what they do.

const byId = (id) => document.getElementById(id);
const [stateLine, stats, url, connect] = ["state", "stats", "url", "connect"].map(byId);
const [lab, labField, labDoes] = ["lab", "lab-field", "lab-does"].map(byId);
const [message, messageField, file, fileField] = ["message", "message-field", "file", "file-field"].map(byId);
const [kind, send, close] = ["kind", "send", "close"].map(byId);
const [options, subprotocol, closeCode, closeReason] = ["options", "subprotocol", "close-code", "close-reason"].map(byId);
const [reconnect, saw] = ["reconnect", "saw"].map(byId);
const [filter, pretty, log, rows] = ["filter", "pretty", "log", "rows"].map(byId);
const [newest, count, said] = ["newest", "count", "said"].map(byId);
const [actions, copy, resend] = ["actions", "copy", "resend"].map(byId);

const MAX_HISTORY = 100;
const ownPath = document.documentElement.dataset.path || "/ws";

// What was sent by hand, the last at the end, and the place in it.
const sentBefore = [];
let historyAt = 0;

// Focus follows only where it was lost: nobody is taken out of another field.
function focusIfLost(control) {
  const focused = document.activeElement;
  if (!focused || focused === document.body || focused.disabled) control.focus();
}

// ---- the address --------------------------------------------------------

// A link to this page can name the address; it never connects by itself.
function startingAddress() {
  return new URLSearchParams(location.search).get("url") || ownAddress(ownPath);
}

// The address bar is that link, but for secrets: what stands there reaches the
// server's log, the browser's history, and whoever the link is given to.
function remember(address) {
  const known = address === ownAddress(ownPath) ? "" : `?url=${encodeURIComponent(withoutSecrets(address))}`;
  history.replaceState(null, "", location.pathname + known);
}

// The routes of the server's fault lab, in groups, where it has one.
function fillLab(groups) {
  labField.hidden = saw.hidden = !groups.length;
  for (const { title, faults } of groups) {
    const group = element("optgroup");
    group.label = title;
    for (const { form, example, does } of faults.filter(({ form }) => form.startsWith("/"))) {
      const option = element("option", "", form);
      option.value = example;
      option.dataset.does = does.replaceAll("`", "");
      group.append(option);
    }
    if (group.childElementCount) lab.append(group);
  }
}

function chooseRoute() {
  const { value, dataset } = lab.selectedOptions[0];
  labDoes.hidden = !value;
  labDoes.textContent = value ? `${value} ${dataset.does}` : "";
  url.value = ownAddress(value || ownPath);
}

// ---- sending ------------------------------------------------------------

function showKind() {
  const isFile = kind.value === "file";
  fileField.hidden = !isFile;
  messageField.hidden = isFile;
}

async function sendNow() {
  try {
    if (kind.value === "file") await sendFile();
    else sendTyped();
  } catch (error) {
    fail(error.message);
  }
}

async function sendFile() {
  const [chosen] = file.files;
  if (!chosen) throw new Error("Not sent: choose a file first");
  transmit(new Uint8Array(await chosen.arrayBuffer()));
}

function sendTyped() {
  const text = asSent(message.value);
  const data = kind.value === "text" ? text : BYTES_OF[kind.value](text);
  if (!transmit(data)) return;
  if (text && sentBefore.at(-1) !== text) sentBefore.push(text);
  if (sentBefore.length > MAX_HISTORY) sentBefore.shift();
  historyAt = sentBefore.length;
  message.select();
}

// Up in the first line recalls what was sent before, down in the last what came after.
function recall(event) {
  const { selectionStart, selectionEnd, value } = message;
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const isInside = step < 0 ? value.slice(0, selectionStart).includes("\n") : value.slice(selectionEnd).includes("\n");
  if (!step || isInside || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
  let to = historyAt + step;
  // What was just sent still stands there.
  if (step < 0 && sentBefore[to] === value) to -= 1;
  if (to < 0 || to > sentBefore.length) return;
  event.preventDefault();
  historyAt = to;
  message.value = sentBefore[to] ?? "";
  message.setSelectionRange(message.value.length, message.value.length);
}

function typed(event) {
  if (event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    byId("send-form").requestSubmit(send.disabled ? null : send);
  } else {
    recall(event);
  }
}

function checkClose() {
  const [code, reason] = [closeCode.value.trim(), asSent(closeReason.value)];
  closeCode.setCustomValidity(problemOfCode(code, reason));
  closeReason.setCustomValidity(problemOfReason(reason));
}

// ---- the log's own controls ---------------------------------------------

function exportLog() {
  const lines = entries.filter(({ event }) => event).map(exported);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
  link.download = "websocket-log.jsonl";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function onSubmit(form, act) {
  byId(form).addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

function listen() {
  onSubmit("connect-form", connectNow);
  onSubmit("send-form", sendNow);
  onSubmit("options-form", () => {});
  onSubmit("log-form", () => {});
  lab.addEventListener("change", chooseRoute);
  kind.addEventListener("change", showKind);
  message.addEventListener("keydown", typed);
  close.addEventListener("click", closeNow);
  saw.addEventListener("click", showWhatTheServerSees);
  for (const field of [closeCode, closeReason]) field.addEventListener("input", checkClose);
  filter.addEventListener("input", redraw);
  pretty.addEventListener("change", redraw);
  byId("export").addEventListener("click", exportLog);
  byId("clear").addEventListener("click", clearLog);
  newest.addEventListener("click", follow);
  copy.addEventListener("click", copyRow);
  resend.addEventListener("click", () => transmit(chosenEntry().data));
  log.addEventListener("scroll", noticeScroll, { passive: true });
  log.addEventListener("toggle", noticeScroll, { capture: true });
  log.addEventListener("keydown", walk);
  for (const name of ["pointerover", "focusin", "click"]) rows.addEventListener(name, ({ target }) => offerActions(target));
  new ResizeObserver(() => { if (following) showEnd(); }).observe(log);
  setInterval(() => {
    if (isOpen()) showStats();
    chooseWhatIsSpoken();
  }, 1000);
}

url.value = startingAddress();
fillLab(JSON.parse(document.documentElement.dataset.lab || "[]"));
listen();
showState();
