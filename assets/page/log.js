// The communication log: what is kept, and which rows of it are seen.
//
// Counting and keeping go on at any rate; drawing takes a share of the time only:
// the pause after a draw grows with what the draw has cost, and in a flood the
// list is short. A reader who has scrolled up is left where they are, and a
// screen reader hears counts in the place of more rows than it can read out.

const MAX_ENTRIES = 50000;
const MAX_ENTRY_CHARS = 64e6;
const MAX_ROWS = 1000;
const MAX_ROWS_IN_FLOOD = 100;
const MIN_PAUSE_IN_FLOOD_MS = 100;
// Drawing takes one part in so many.
const PAUSE_PER_COST = 5;
const CALM_MS = 600;
const MAX_SPOKEN_A_SECOND = 5;
const ANNOUNCE_MS = 5000;
const MAX_LINE_CHARS = 1000;
const MAX_WHOLE_CHARS = 200000;

const started = performance.now();
let entries = [];
let entryChars = 0;
let dropped = 0;
let seq = 0;
// All there were, those that match the filter, and those at the end that no draw has seen.
let rowsMade = 0;
let matched = 0;
let undrawn = 0;
let following = true;
let flooding = false;
let scheduled = false;
let pauseMs = 0;
let drawnAt = -Infinity;
let announcedAt = 0;
let rowsASecondAgo = 0;
let calmTimer = 0;
const entryOf = new WeakMap();

// ---- keeping ------------------------------------------------------------

// `event` is what the export tells, in the words of `wscli connect --log`; a note
// without one is for this page alone.
function record(what) {
  const entry = { at: Date.now(), offset: performance.now() - started, connection: connections, ...what };
  if (entry.event) entry.seq = seq += 1;
  entries.push(entry);
  entryChars += weight(entry);
  forget();
  rowsMade += 1;
  undrawn = Math.min(undrawn + 1, entries.length);
  schedule();
}

const weight = ({ data }) => 200 + data.length * (typeof data === "string" ? 1 : 1.4);

function forget() {
  if (entries.length <= MAX_ENTRIES * 1.1 && entryChars <= MAX_ENTRY_CHARS) return;
  // More than one at a time, since moving the rest costs the same for one.
  let excess = Math.max(0, entries.length - MAX_ENTRIES);
  let chars = entryChars;
  for (const entry of entries.slice(0, excess)) chars -= weight(entry);
  while (chars > MAX_ENTRY_CHARS * 0.9 && excess < entries.length - 1) chars -= weight(entries[excess++]);
  entries.splice(0, excess);
  entryChars = chars;
  dropped += excess;
}

function recordMessage(direction, data, bytes) {
  const isText = typeof data === "string";
  const event = { direction, source: direction === "out" ? "user" : "peer", type: isText ? "text" : "binary" };
  record({ event, look: direction, data, bytes });
}

const note = (data, event) => record({ event, look: "note", data });

const fail = (text) => record({
  event: { direction: "in", source: "automatic", type: "error", message: text }, look: "bad", data: text,
});

function clearLog() {
  entries = [];
  entryChars = dropped = seq = rowsMade = 0;
  following = true;
  redraw();
}

// A line of the export.
function exported({ seq, at, offset, connection, event, data, bytes }) {
  const time = new Date(at).toISOString().replace("Z", "000Z");
  const line = { seq, time, offset_us: Math.round(offset * 1000), connection, ...event };
  if (event.type === "text") Object.assign(line, { length: bytes, data });
  if (event.type === "binary") Object.assign(line, { length: bytes, data: base64(data) });
  return `${JSON.stringify(line)}\n`;
}

// ---- drawing ------------------------------------------------------------

function schedule() {
  if (scheduled) return;
  scheduled = true;
  const wait = drawnAt + pauseMs - performance.now();
  // A hidden page has no frames.
  if (document.hidden) setTimeout(draw, MIN_PAUSE_IN_FLOOD_MS);
  else if (wait > 0) setTimeout(draw, wait);
  else requestAnimationFrame(draw);
}

function draw() {
  scheduled = false;
  const begun = performance.now();
  if (undrawn > MAX_ROWS_IN_FLOOD) noticeFlood();
  if (following) drawNewest();
  showCounts();
  drawnAt = performance.now();
  pauseMs = Math.max(flooding ? MIN_PAUSE_IN_FLOOD_MS : 0, PAUSE_PER_COST * (drawnAt - begun));
}

function noticeFlood() {
  flooding = true;
  log.setAttribute("aria-live", "off");
  clearTimeout(calmTimer);
  calmTimer = setTimeout(() => {
    flooding = false;
    if (following) redraw();
  }, CALM_MS);
}

// Once a second.
function chooseWhatIsSpoken() {
  const fresh = rowsMade - rowsASecondAgo;
  rowsASecondAgo = rowsMade;
  const isTooMuch = flooding || fresh > MAX_SPOKEN_A_SECOND;
  log.setAttribute("aria-live", isTooMuch ? "off" : "polite");
  if (isTooMuch) announce(`${plural(rowsMade, "row")} so far`);
}

function announce(text, now) {
  if (!now && performance.now() - announcedAt < ANNOUNCE_MS) return;
  announcedAt = performance.now();
  said.textContent = text;
}

function drawNewest() {
  const limit = flooding ? MAX_ROWS_IN_FLOOD : MAX_ROWS;
  const fresh = undrawn ? entries.slice(-undrawn).filter(matches) : [];
  undrawn = 0;
  matched += fresh.length;
  const shown = fresh.slice(-limit).map(makeRow);
  if (shown.length === limit) rows.replaceChildren(...shown);
  else rows.append(...shown);
  while (rows.childElementCount > limit) rows.firstElementChild.remove();
  showEnd();
}

// All anew, such as for another filter.
function redraw() {
  undrawn = 0;
  const found = entries.filter(matches);
  matched = found.length;
  rows.replaceChildren(...found.slice(-(flooding ? MAX_ROWS_IN_FLOOD : MAX_ROWS)).map(makeRow));
  if (following) showEnd();
  showCounts();
}

function showEnd() {
  log.scrollTop = log.scrollHeight;
}

// Whether the reader is at the end, by where they have scrolled to.
function noticeScroll() {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
  if (atEnd === following) return;
  following = atEnd;
  if (following) schedule();
  showCounts();
}

function follow() {
  if (following) return;
  following = true;
  if (undrawn > MAX_ROWS_IN_FLOOD) redraw();
  else drawNewest();
  showCounts();
}

function searched({ look, data, label }) {
  const text = typeof data === "string" ? data : `${hexDigits(data.subarray(0, 1024))} ${printable(data.subarray(0, 1024))}`;
  return `${WAYS[look].name} ${label || ""} ${text}`.toLowerCase();
}

const matches = (entry) => !filter.value || searched(entry).includes(filter.value.toLowerCase());

function showCounts() {
  const shown = rows.childElementCount;
  const hidden = following && matched > shown ? `, the last ${shown} shown` : "";
  const lost = dropped ? `; the last ${entries.length} kept` : "";
  const all = plural(rowsMade, "row");
  if (filter.value) count.textContent = `${matched || "none"} of ${all} ${matched === 1 ? "matches" : "match"}${hidden}${lost}`;
  else count.textContent = rowsMade ? `${all}${hidden}${lost}` : "";
  newest.hidden = following || !undrawn;
  newest.textContent = `\u2193 ${plural(undrawn, "newer row")}`;
  showStats();
}

// ---- rows ---------------------------------------------------------------

const WAYS = {
  in: { icon: "\u2193", name: "Received", title: "Server \u2192 Client" },
  out: { icon: "\u2191", name: "Sent", title: "Client \u2192 Server" },
  note: { icon: "\u00b7", name: "Note", title: "Note" },
  bad: { icon: "!", name: "Error", title: "Error" },
};

function makeRow(entry) {
  const row = element("li", entry.look);
  row.tabIndex = -1;
  const { icon, name, title } = WAYS[entry.look];
  const way = element("span", "way");
  way.title = title;
  const seen = element("span", "", icon);
  seen.setAttribute("aria-hidden", "true");
  way.append(seen, element("span", "unseen", `${name}: `));
  const [seconds, millis] = clockTime(entry.at).split(".");
  const time = element("span", "time", seconds);
  time.append(element("span", "millis", `.${millis}`));
  row.append(time, way, dataOf(entry));
  if (isMessage(entry)) row.append(element("span", "size", byteSize(entry.bytes)));
  entryOf.set(row, entry);
  return row;
}

const isMessage = ({ look }) => look === "in" || look === "out";

// One line, and all of it where there is more to see.
function dataOf(entry) {
  const { data, label } = entry;
  if (!data.length) return element("div", "data empty", "(empty)");
  const isText = typeof data === "string";
  const line = `${label ? `${label}: ` : ""}${isText ? data.slice(0, MAX_LINE_CHARS) : hexDigits(data.subarray(0, MAX_HEX_BYTES))}`;
  const cut = data.length > (isText ? MAX_LINE_CHARS : MAX_HEX_BYTES) ? " ..." : "";
  const isJson = isText && (label || isMessage(entry)) && looksLikeJson(data);
  // The dump of binary has its text.
  if (isText && !isJson && !cut) return element("div", "data", line);
  const details = element("details", "data");
  details.append(element("summary", "", line + cut));
  details.addEventListener("toggle", () => showWhole(details, data, isJson));
  if (isJson && pretty.checked && !flooding) {
    details.open = true;
    showWhole(details, data, isJson);
  }
  return details;
}

// Made when it is asked for.
function showWhole(details, data, isJson) {
  if (!details.open || details.childElementCount > 1) return;
  const tree = isJson && jsonTree(data);
  const whole = element("div", "whole");
  if (tree) whole.append(tree);
  else if (typeof data === "string") whole.textContent = data.slice(0, MAX_WHOLE_CHARS);
  else whole.textContent = hexDump(data, matchMedia("(max-width: 40rem)").matches ? 8 : 16);
  if (typeof data === "string" && !tree && data.length > MAX_WHOLE_CHARS) {
    whole.append(`\n... (the first ${MAX_WHOLE_CHARS} of ${data.length} characters; Copy has all)`);
  }
  details.append(whole);
}

// ---- acting on rows -----------------------------------------------------

// The buttons move to the row that is pointed at or has the focus.
function offerActions(target) {
  const row = target.closest("#rows > li");
  if (!row || actions.parentElement === row) return;
  row.append(actions);
  actions.hidden = false;
  resend.hidden = entryOf.get(row).look !== "out";
}

const chosenEntry = () => entryOf.get(actions.closest("li"));

// Up and down go from row to row.
function walk(event) {
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
  const row = event.target.closest("#rows > li");
  const up = event.key === "ArrowUp";
  let next = up ? rows.lastElementChild : rows.firstElementChild;
  if (row) next = up ? row.previousElementSibling : row.nextElementSibling;
  if (!next) return;
  event.preventDefault();
  next.focus();
}

async function copyRow() {
  const { data } = chosenEntry();
  const text = typeof data === "string" ? data : hexDigits(data);
  const copied = await copyText(text);
  announce(copied ? "Copied" : "Not copied", true);
  copy.textContent = copied ? "Copied" : "Not copied";
  setTimeout(() => { copy.textContent = "Copy"; }, 1500);
}

// Without TLS, away from this machine, a page has no clipboard but by selection.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", "unseen");
    area.value = text;
    actions.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    copy.focus();
    return copied;
  }
}
