// The page of `wscli serve`, in a real Chromium. Usage:
//
//     node page.cjs WSCLI OUT
//
// WSCLI is the program, OUT a folder for screenshots. Environment: CHROMIUM,
// the browser (default: chromium on the PATH). Prints a line for each check;
// exit 1 when one fails.
"use strict";

const { execFileSync, spawn } = require("node:child_process");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const { chromium } = require("playwright-core");

const [wscli, out] = process.argv.slice(2);
const PATIENCE_MS = 20000;
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

const servers = [];

// A running server: its ready event, and its process.
async function serve(...args) {
  const child = spawn(wscli, ["serve", "-p", "0", "--jsonl", ...args], { stdio: ["ignore", "pipe", "inherit"], env: {} });
  servers.push(child);
  const lines = readline.createInterface({ input: child.stdout });
  const line = await new Promise((resolve, reject) => {
    lines.once("line", resolve);
    child.once("exit", () => reject(new Error("the server does not start")));
  });
  return { child, ...JSON.parse(line) };
}

// The rows of the log, as [from, to, data] or [data].
const rows = (page) => page.$$eval("#rows tr", (rows) =>
  rows.map((row) => [...row.cells].slice(1).map((cell) => cell.textContent)));

const hasRow = (page, ...cells) => page.waitForFunction((cells) =>
  [...document.querySelectorAll("#rows tr")].some((row) =>
    JSON.stringify([...row.cells].slice(1).map((cell) => cell.textContent)) === cells), JSON.stringify(cells));

const state = (page, name) => page.waitForSelector(`#state[data-state=${name}]`);

async function open(page, url) {
  if (url) await page.fill("#url", url);
  await page.click("#connect");
  await state(page, "open");
}

async function isRefused(page, url) {
  await page.fill("#url", url);
  await page.click("#connect");
  await state(page, "closed");
}

// A log whose events come a millisecond after each other.
function timeless(log) {
  let events = 0;
  return log
    .replace(/"time":"[^"]*"/g, '"time":"2026-01-02T03:04:05.000000Z"')
    .replace(/"offset_us":\d+/g, () => `"offset_us":${(events += 1) * 1000}`);
}

const checks = {
  async "starts as the sample does"({ page, lab }) {
    assert.equal(await page.textContent("#state"), "Ready to connect...");
    assert.equal(await page.textContent("h1"), "WebSocket Sample Application");
    assert.equal(await page.inputValue("#url"), lab.url);
    for (const id of ["#message", "#send", "#close"]) assert.ok(await page.isDisabled(id), id);
    assert.ok(await page.isEnabled("#connect"));
  },

  async "connects, sends and receives"({ page }) {
    await open(page);
    await hasRow(page, "Connection opened");
    await page.fill("#message", "hällo\nwörld");
    await page.click("#send");
    await hasRow(page, "Client", "Server", "hällo\nwörld");
    await hasRow(page, "Server", "Client", "hällo\nwörld");
  },

  async "shows binary as hex"({ page }) {
    await open(page);
    await page.selectOption("#kind", "hex");
    await page.fill("#message", "00 ff 0x41");
    await page.click("#send");
    await hasRow(page, "Server", "Client", "00 ff 41 (3 bytes)");
    await page.fill("#message", "0");
    await page.click("#send");
    await hasRow(page, "Not sent: binary is written as pairs of hex digits, such as 01 ff");
  },

  async "shows markup as text"({ page }) {
    await open(page);
    await page.fill("#message", "<img src=x onerror=\"document.title='owned'\">");
    await page.click("#send");
    await hasRow(page, "Server", "Client", "<img src=x onerror=\"document.title='owned'\">");
    assert.equal(await page.locator("#rows img").count(), 0);
    assert.equal(await page.title(), "WebSocket Sample Application");
  },

  async "closes from the client"({ page }) {
    await open(page);
    await page.click("#close");
    await state(page, "closed");
    await hasRow(page, "Connection closed. Code: 1000. Reason: Closing from client");
    assert.ok(await page.isDisabled("#send"));
    await open(page);
  },

  async "is closed by the server"({ page, base }) {
    await open(page, `${base}/close/4001?reason=enough&after=1`);
    await page.fill("#message", "x");
    await page.click("#send");
    await hasRow(page, "Connection closed. Code: 4001. Reason: enough");
    await state(page, "closed");
  },

  async "opens one socket for a double click"({ page, base }) {
    let sockets = 0;
    page.on("websocket", () => { sockets += 1; });
    await page.fill("#url", `${base}/slow-handshake/200`);
    await page.dblclick("#connect");
    await page.$eval("#connect-form", (form) => form.requestSubmit());
    await state(page, "open");
    assert.equal(sockets, 1);
  },

  async "names the subprotocol"({ page }) {
    await page.fill("#subprotocol", "other, chat");
    await open(page);
    assert.equal(await page.textContent("#state"), "Open (subprotocol chat)");
  },

  async "tells that the server is gone"({ page }) {
    const server = await serve();
    await open(page, server.url);
    server.child.kill("SIGKILL");
    await hasRow(page, "Connection closed. Code: 1006. Reason: none");
    await state(page, "closed");
    await page.click("#connect");
    await hasRow(page, "The connection could not be opened; the browser's console may say why");
    await state(page, "closed");
  },

  async "is refused for its origin"({ page }) {
    const server = await serve("--allow-origin", "http://elsewhere.example");
    await page.goto(server.page);
    await page.click("#connect");
    await hasRow(page, "The connection could not be opened; the browser's console may say why");
    assert.ok(await page.isDisabled("#send"));
  },

  async "draws 5,000 rows in under 2 s, and keeps 2,000"({ page, base }) {
    await page.fill("#url", `${base}/count/5000`);
    const start = Date.now();
    await page.click("#connect");
    await page.waitForFunction(() => document.getElementById("count").textContent.startsWith("5002 rows"));
    const took = Date.now() - start;
    console.log(`  5,000 rows in ${took} ms`);
    assert.ok(took < 2000, `${took} ms`);
    const found = await rows(page);
    assert.equal(found.length, 2000);
    assert.deepEqual(found.at(-2), ["Server", "Client", "5000"]);
  },

  async "works without a mouse"({ page }) {
    await page.focus("#url");
    await page.keyboard.press("Enter");
    await state(page, "open");
    // The focus goes to the message by itself.
    await page.keyboard.type("one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    await page.keyboard.press("Enter");
    await hasRow(page, "Server", "Client", "one\ntwo");
    const reached = [];
    for (let i = 0; i < 8; i += 1) {
      await page.keyboard.press("Tab");
      reached.push(await page.evaluate(() => document.activeElement.id));
    }
    assert.deepEqual(reached.slice(0, 7), ["kind", "send", "close", "filter", "export", "clear", "log"]);
    await page.focus("#close");
    await page.keyboard.press("Space");
    await state(page, "closed");
    assert.equal(await page.evaluate(() => document.activeElement.id), "connect");
  },

  async "has a name for every control"({ page }) {
    const snapshot = await page.locator("main").ariaSnapshot();
    for (const name of [
      'textbox "WebSocket Server URL:"', 'button "Connect"', 'textbox "Message to send:', 'button "Send" [disabled]',
      'button "Close Socket" [disabled]', 'combobox "Send as:"', 'region "Communication Log"', "status: Ready to connect...",
    ]) assert.ok(snapshot.includes(name), `${name}\n${snapshot}`);
  },

  async "filters and clears"({ page }) {
    await open(page);
    for (const text of ["apple", "pear"]) {
      await page.fill("#message", text);
      await page.click("#send");
      await hasRow(page, "Server", "Client", text);
    }
    await page.fill("#filter", "APPLE");
    assert.equal(await page.locator("#rows tr:visible").count(), 2);
    await page.click("#clear");
    assert.equal(await page.locator("#rows tr").count(), 0);
  },

  // Rust reads what is compared here, and what is written to OUT (tests/cli/log/page.rs).
  async "exports the communication log"({ page, lab, base }) {
    await isRefused(page, `${base}/status/503`);
    await page.fill("#subprotocol", "chat");
    await open(page, `${lab.url}?Token=abc&x=a%20b`);
    // Half of a surrogate pair is no text: what goes out has U+FFFD in its place.
    await page.$eval("#message", (message) => { message.value = "\ufeffä\n\ud800"; });
    await page.click("#send");
    await hasRow(page, "Server", "Client", "\ufeffä\n\ufffd");
    await page.selectOption("#kind", "hex");
    await page.fill("#message", "ff");
    await page.click("#send");
    await hasRow(page, "Server", "Client", "ff (1 byte)");
    await page.click("#close");
    await state(page, "closed");
    await page.fill("#subprotocol", "");
    for (const end of ["close/4001?reason=enough&after=1", "drop?after=1"]) {
      await open(page, `${base}/${end}`);
      await page.selectOption("#kind", "text");
      await page.fill("#message", end);
      await page.click("#send");
      await state(page, "closed");
    }
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
    assert.equal(download.suggestedFilename(), "websocket-log.jsonl");
    const text = fs.readFileSync(await download.path(), "utf8");
    fs.writeFileSync(path.join(out, "export.jsonl"), text);
    for (const line of text.trimEnd().split("\n")) {
      assert.match(JSON.parse(line).time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    }
    const fixture = path.join(__dirname, "../data/page-log.jsonl");
    const found = timeless(text).replaceAll(`:${lab.port}/`, ":5000/");
    if (process.env.WSCLI_UPDATE) fs.writeFileSync(fixture, found);
    assert.equal(found, fs.readFileSync(fixture, "utf8"));
  },

  async "is to be looked at"({ page, base }) {
    await open(page, `${base}/json?close=4000&after=2&reason=a+reason`);
    await page.fill("#message", "Hello, world");
    await page.click("#send");
    await hasRow(page, "Server", "Client", "Hello, world");
    for (const [name, colorScheme, width, height] of [
      ["light", "light", 1000, 760], ["dark", "dark", 1000, 760], ["small", "light", 360, 740], ["small-dark", "dark", 360, 740],
    ]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height });
      await page.screenshot({ path: path.join(out, `${name}.png`) });
      const overflows = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      assert.ok(!overflows, `${name}: the page is wider than the window`);
    }
  },
};

async function main() {
  const executablePath = process.env.CHROMIUM || execFileSync("/bin/sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  fs.mkdirSync(out, { recursive: true });
  const lab = await serve("--lab", "--subprotocol", "chat");
  const base = lab.url.replace(/\/ws$/, "");
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  console.log(`Chromium ${browser.version()}`);
  const failed = [];
  for (const [name, check] of Object.entries(checks)) {
    const context = await browser.newContext();
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const strange = [];
    page.on("pageerror", (error) => strange.push(String(error)));
    page.on("console", (message) => {
      if (/Content Security Policy/i.test(message.text())) strange.push(message.text());
    });
    page.on("request", (request) => {
      if (!/^(http:\/\/127\.0\.0\.1:|data:|blob:)/.test(request.url())) strange.push(`asks for ${request.url()}`);
    });
    try {
      await page.goto(lab.page);
      await check({ page, lab, base });
      assert.deepEqual(strange, []);
      console.log(`ok      ${name}`);
    } catch (error) {
      failed.push(name);
      console.log(`FAILED  ${name}\n${error.stack}\n${JSON.stringify((await rows(page).catch(() => [])).slice(-5))}`);
    }
    await context.close();
  }
  await browser.close();
  return failed.length;
}

main()
  .then((failed) => { process.exitCode = failed ? 1 : 0; })
  .catch((error) => { console.error(error); process.exitCode = 1; })
  .finally(() => servers.forEach((server) => server.kill("SIGKILL")));
