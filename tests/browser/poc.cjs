// The page of `wscli probe-origin --poc`, in a real Chromium, against servers
// that let in what they should not. Usage:
//
//     node poc.cjs WSCLI OUT
//
// WSCLI is the program, OUT a folder for the pages. Environment: CHROMIUM, the
// browser (default: chromium on the PATH). Prints a line for each check; exit 1
// when one fails.
"use strict";

const { execFileSync, spawn } = require("node:child_process");
const { createHash } = require("node:crypto");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { chromium } = require("playwright-core");

const [wscli, out] = process.argv.slice(2);
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const ALLOWED = "http://client.test";
const HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><!--";

// A WebSocket server that lets in the origins that `check` likes, greets them,
// and tells what the browser sent.
function serve(check, port = 0) {
  const seen = [];
  const server = http.createServer((_, response) => response.writeHead(404).end());
  server.on("upgrade", (request, socket) => {
    socket.on("error", () => {});
    const { origin, cookie } = request.headers;
    seen.push({ origin, cookie });
    if (!server.check(origin)) {
      socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + GUID).digest("base64");
    const greeting = Buffer.from(`secret of the visitor ${HOSTILE}`);
    socket.write(`HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.write(Buffer.concat([Buffer.from([0x81, greeting.length]), greeting]));
    // A Close frame ends it.
    socket.on("data", (data) => { if ((data[0] & 15) === 8) socket.end(Buffer.from([0x88, 0])); });
  });
  server.check = check;
  server.seen = seen;
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

const url = (server, rest = "/ws") => `ws://127.0.0.1:${server.address().port}${rest}`;

// The page for a server, as the program writes it.
function prove(name, target, ...flags) {
  const file = path.join(out, `${name}.html`);
  const run = new Promise((resolve, reject) => {
    const args = ["probe-origin", target, "--allow", ALLOWED, "--window", "0.2", "--poc", file, "-q", ...flags];
    const child = spawn(wscli, args, { stdio: "ignore", env: {} });
    child.once("error", reject);
    child.once("exit", resolve);
  });
  return run.then((code) => ({ code, file }));
}

const state = (page, name) => page.waitForSelector(`output[data-state=${name}]`);

const checks = {
  async "any page gets in"({ open }) {
    const server = await serve(() => true);
    const { code, file } = await prove("foreign", url(server, "/ws?q=%3C/script%3E"), "--probe", "foreign", "--message", HOSTILE);
    assert.equal(code, 1);
    const page = await open(file, "http://evil.test");
    await state(page, "let-in");
    assert.match(await page.textContent("output"), /the origin http:\/\/evil\.test talks/);
    const lines = await page.$$eval("li", (items) => items.map((item) => item.textContent));
    assert.ok(lines.includes(`received: secret of the visitor ${HOSTILE}`), JSON.stringify(lines));
    assert.ok(lines.includes(`sent: ${HOSTILE}`), JSON.stringify(lines));
    assert.equal(server.seen.at(-1).origin, "http://evil.test");
    assert.equal(await page.locator("img").count(), 0);
    server.close();
  },

  async "a look-alike name gets in, and no other does"({ open }) {
    const server = await serve((origin) => origin !== undefined && origin.startsWith(ALLOWED));
    const { file } = await prove("suffix", url(server), "--probe", "foreign,suffix-dot");
    const page = await open(file, "http://client.test.cswsh-probe.example");
    await state(page, "let-in");
    const other = await open(file, "http://other.test");
    await state(other, "failed");
    assert.match(await other.textContent("li"), /this page has the origin http:\/\/other\.test/);
    server.close();
  },

  async "the origin null gets in by a sandboxed frame"({ open }) {
    const server = await serve((origin) => origin === ALLOWED || origin === "null");
    const { file } = await prove("null", url(server), "--probe", "foreign,null");
    const page = await open(file, "http://evil.test");
    await state(page, "let-in");
    assert.equal(server.seen.at(-1).origin, "null");
    assert.match(await page.textContent("output"), /the origin null talks/);
    server.close();
  },

  async "a server that was mended refuses"({ open }) {
    const server = await serve(() => true);
    const { file } = await prove("mended", url(server), "--probe", "foreign");
    server.check = (origin) => origin === ALLOWED;
    const page = await open(file, "http://evil.test");
    await state(page, "refused");
    server.close();
  },

  async "nothing is shown where nothing was let in"({ open }) {
    const server = await serve((origin) => origin === ALLOWED);
    const { code, file } = await prove("enforced", url(server), "--probe", "foreign,null");
    assert.equal(code, 0);
    const page = await open(file, "http://evil.test");
    assert.ok(await page.isVisible("#none"));
    assert.equal(await page.locator("section").count(), 0);
    server.close();
  },

  async "a token in the address is asked for, and not written"({ open }) {
    const server = await serve(() => true);
    const { file } = await prove("token", url(server, "/ws?token=s3cretvalue"), "--probe", "foreign");
    assert.ok(!fs.readFileSync(file, "utf8").includes("s3cretvalue"));
    const page = await open(file, "http://evil.test");
    await state(page, "failed");
    await page.fill("input >> nth=0", url(server, "/ws?token=s3cretvalue"));
    await page.click("button");
    await state(page, "let-in");
    server.close();
  },
};

async function main() {
  const executablePath = process.env.CHROMIUM || execFileSync("/bin/sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  fs.mkdirSync(out, { recursive: true });
  // The attacker's web server: every name leads to it.
  const files = http.createServer((request, response) => {
    const file = path.join(out, path.basename(request.url));
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    fs.createReadStream(file).on("error", () => response.writeHead(404).end()).pipe(response);
  });
  await new Promise((resolve) => files.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      `--host-resolver-rules=MAP *:80 127.0.0.1:${files.address().port}`,
    ],
  });
  console.log(`Chromium ${browser.version()}`);
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    const context = await browser.newContext();
    context.setDefaultTimeout(20000);
    const strange = [];
    const open = async (file, origin) => {
      const page = await context.newPage();
      page.on("pageerror", (error) => strange.push(String(error)));
      page.on("console", (message) => {
        if (/Content Security Policy/i.test(message.text())) strange.push(message.text());
      });
      await page.goto(`${origin}/${path.basename(file)}`);
      assert.equal(await page.title(), "Cross-site WebSocket hijacking: a proof");
      return page;
    };
    try {
      await check({ open });
      assert.deepEqual(strange, []);
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error.stack}`);
    }
    await context.close();
  }
  await browser.close();
  files.close();
  return failed;
}

main()
  .then((failed) => process.exit(failed ? 1 : 0))
  .catch((error) => { console.error(error); process.exit(1); });
