// Values as text, and text as values. Nothing here touches the page's state.

const MAX_HEX_BYTES = 64;
const MAX_DUMP_BYTES = 4096;
const MAX_JSON_CHARS = 200000;
const MAX_JSON_TOKENS = 20000;
const MAX_JSON_DEPTH = 40;
const MAX_SHORT_JSON_CHARS = 80;

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const twoDigits = (number) => String(number).padStart(2, "0");

// Always as text: nothing that a server sends becomes markup.
function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function clockTime(milliseconds) {
  const at = new Date(milliseconds);
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(":");
  return `${time}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

function elapsedTime(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = twoDigits(seconds % 60);
  return hours ? `${hours}:${twoDigits(minutes)}:${rest}` : `${minutes}:${rest}`;
}

function byteSize(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes / 1024;
  while (value >= 1024 && units.length > 1) {
    value /= 1024;
    units.shift();
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[0]}`;
}

// ---- text and bytes -----------------------------------------------------

const utf8 = new TextEncoder();
const utf8Length = (text) => utf8.encode(text).length;
const lengthOf = (data) => typeof data === "string" ? utf8Length(data) : data.length;

// Half of a surrogate pair, which a text field can hold, goes out as U+FFFD.
const asSent = (text) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(utf8.encode(text));

const hexDigits = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

const printable = (bytes) => Array.from(bytes,
  (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".").join("");

// Offsets, bytes and their text, as of `hexdump -C`.
function hexDump(bytes, perLine) {
  const lines = [];
  const shown = bytes.subarray(0, MAX_DUMP_BYTES);
  for (let at = 0; at < shown.length; at += perLine) {
    const part = shown.subarray(at, at + perLine);
    const offset = at.toString(16).padStart(perLine > 8 ? 8 : 4, "0");
    lines.push(`${offset}  ${hexDigits(part).padEnd(3 * perLine - 1)}  |${printable(part)}|`);
  }
  if (shown.length < bytes.length) lines.push(`... (the first ${shown.length} of ${bytes.length} bytes)`);
  return lines.join("\n");
}

function base64(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}

// Each throws what the user is told.
const BYTES_OF = {
  hex(text) {
    const digits = text.replace(/0x|[\s,:]/gi, "");
    if (digits.length % 2 || /[^0-9a-f]/i.test(digits)) {
      throw new Error("Not sent: binary is written as pairs of hex digits, such as 01 ff");
    }
    return Uint8Array.from(digits.match(/../g) || [], (pair) => parseInt(pair, 16));
  },
  base64(text) {
    try {
      return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    } catch {
      throw new Error("Not sent: this is not base64, such as AP9B");
    }
  },
};

function sameData(one, other) {
  if (typeof one === "string" || typeof other === "string") return one === other;
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

// ---- JSON ---------------------------------------------------------------

const looksLikeJson = (text) => /^\s*[{[]/.test(text) && /[}\]]\s*$/.test(text.slice(-100));

// The tokens as they were sent, since numbers would lose digits in JSON.parse.
function jsonTokens(text) {
  if (text.length > MAX_JSON_CHARS) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const tokens = text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g);
  return tokens.length > MAX_JSON_TOKENS ? null : tokens;
}

// A tree that can be folded, or null for what is no JSON, or too much of it.
function jsonTree(text) {
  const tokens = jsonTokens(text);
  if (!tokens) return null;
  const root = element("div", "json");
  const open = [{ body: root, line: null, members: 0 }];
  for (let at = 0; at < tokens.length; at += 1) {
    const [token, inside, end] = [tokens[at], open.at(-1), endOfShort(tokens, at)];
    if (token === "}" || token === "]") {
      endJson(open, token);
    } else if (token === ",") {
      inside.line.append(",");
      inside.line = null;
    } else if (token === ":") {
      inside.line.append(": ");
    } else {
      if (!inside.line) startLine(inside);
      const isContainer = token === "{" || token === "[";
      if (end) inside.line.append(...tokens.slice(at, end + 1).map(inShort));
      else if (!isContainer) inside.line.append(jsonValue(token, tokens[at + 1] === ":"));
      else if (open.length > MAX_JSON_DEPTH) return null;
      else open.push(startJson(inside, token));
      at = end || at;
    }
  }
  return root;
}

// Where a list ends that stays on its line: a short one of plain values, or an empty one.
function endOfShort(tokens, at) {
  if (tokens[at] === "{") return tokens[at + 1] === "}" ? at + 1 : 0;
  if (tokens[at] !== "[") return 0;
  let chars = 0;
  for (let end = at + 1; chars <= MAX_SHORT_JSON_CHARS; end += 1) {
    if (tokens[end] === "]") return end;
    if (tokens[end] === "{" || tokens[end] === "[") return 0;
    chars += tokens[end].length;
  }
  return 0;
}

const inShort = (token) => token === "," ? ", " : jsonValue(token, false);

function startLine(inside) {
  inside.line = element("div");
  inside.members += 1;
  inside.body.append(inside.line);
}

function startJson(inside, bracket) {
  const [details, summary] = [element("details"), element("summary")];
  details.open = true;
  summary.append(...inside.line.childNodes, bracket);
  details.append(summary);
  inside.line.append(details);
  return { body: details, line: null, members: 0 };
}

function endJson(open, bracket) {
  const { body, members } = open.pop();
  body.firstChild.dataset.closed = ` ... ${members} ${bracket}`;
  const end = element("div", "end", bracket);
  body.append(end);
  open.at(-1).line = end;
}

function jsonValue(token, isName) {
  if (!token.startsWith("\"")) return token;
  return element("span", isName ? "name" : "string", token);
}

// ---- addresses ----------------------------------------------------------

const ownScheme = () => location.protocol === "https:" ? "wss" : "ws";
const ownAddress = (path) => `${ownScheme()}://${location.host}${path}`;

// With the scheme that a user leaves out: `host:5000/path`, `:5000`, `/path`.
function withScheme(text) {
  const address = text.trim();
  if (/^https?:\/\//i.test(address)) return address.replace(/^http/i, "ws");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(address) || !address) return address;
  if (/^:?\d+(\/|$)/.test(address)) return `${ownScheme()}://${location.hostname}:${address.replace(/^:/, "")}`;
  return address.startsWith("/") ? ownAddress(address) : `${ownScheme()}://${address}`;
}

// What counts as a secret is known to the program, which gives the names.
const SECRETS = JSON.parse(document.documentElement.dataset.secrets || "{\"parts\":[],\"words\":[]}");

function isSecretName(name) {
  const letters = name.toLowerCase().replace(/[^a-z0-9]/g, "");
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase().split(/[^a-z0-9]+/);
  return SECRETS.parts.some((part) => letters.includes(part)) || /auth(?!or(?!i[zs]))/.test(letters)
    || letters === "code" || words.some((word) => SECRETS.words.includes(word));
}

function unescapedName(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

// The address with each secret replaced, or left out where `put` is undefined.
function withoutSecrets(address, put) {
  const parsed = new URL(address);
  parsed.username = parsed.password = "";
  // Not by searchParams, which would spell the others anew.
  parsed.search = parsed.search.slice(1).split("&").map((parameter) => {
    const [name, value] = parameter.split("=", 2);
    if (value === undefined || !isSecretName(unescapedName(name))) return parameter;
    return put && `${name}=${put}`;
  }).filter((parameter) => parameter !== undefined).join("&");
  return parsed.href;
}

// ---- the Close ----------------------------------------------------------

// What is wrong with a code and reason, as far as a browser lets a page send them.
function problemOfCode(code, reason) {
  if (!code) return reason ? "A reason needs a code" : "";
  const allowed = /^\d{4}$/.test(code) && (code === "1000" || (code >= "3000" && code <= "4999"));
  return allowed ? "" : "A page can send 1000, 3000 to 4999, or nothing";
}

function problemOfReason(reason) {
  const bytes = utf8Length(reason);
  return bytes > 123 ? `A reason has 123 bytes at most, and this has ${bytes}` : "";
}
