// Connecting and sending.
"use strict";

const assert = require("node:assert/strict");
const { hasRow, state, open, send, rows, countRows, showOptions } = require("./harness.cjs");

module.exports = {
  async "starts as the sample does, by its own name"({ page, lab }) {
    assert.equal(await page.textContent("#state"), "Ready to connect...");
    assert.equal(await page.title(), "wscli: WebSocket test page");
    assert.equal(await page.textContent("h1"), "wscli WebSocket test page");
    assert.equal(await page.inputValue("#url"), lab.url);
    for (const id of ["#send", "#close"]) assert.ok(await page.isDisabled(id), id);
    assert.ok(await page.isEnabled("#connect"));
  },

  async "echoes text"({ page }) {
    await open(page);
    await hasRow(page, "note", "Connection opened");
    await send(page, "hällo\nwörld");
    await hasRow(page, "out", "hällo\nwörld");
    await hasRow(page, "in", "hällo\nwörld");
  },

  async "shows an empty message"({ page }) {
    await open(page);
    await send(page, "");
    await hasRow(page, "in", "(empty)");
  },

  async "sends binary as hex, as base64 and as a file"({ page }) {
    await open(page);
    await page.selectOption("#kind", "hex");
    await send(page, "00 ff 0x41");
    await hasRow(page, "in", "00 ff 41");
    await send(page, "0");
    await hasRow(page, "bad", "Not sent: binary is written as pairs of hex digits, such as 01 ff");
    await page.selectOption("#kind", "base64");
    await send(page, "AP9C");
    await hasRow(page, "in", "00 ff 42");
    await send(page, "?");
    await hasRow(page, "bad", "Not sent: this is not base64, such as AP9B");
    await page.selectOption("#kind", "file");
    await page.click("#send");
    await hasRow(page, "bad", "Not sent: choose a file first");
    await page.setInputFiles("#file", { name: "a.bin", mimeType: "application/octet-stream", buffer: Buffer.from([0, 255, 67]) });
    await page.click("#send");
    await hasRow(page, "in", "00 ff 43");
  },

  async "shows markup as text"({ page }) {
    const markup = "<img src=x onerror=\"document.title='owned'\">";
    await open(page);
    await send(page, markup);
    await hasRow(page, "in", markup);
    await send(page, JSON.stringify({ [markup]: [markup] }));
    await page.locator("#rows li.in summary").last().click();
    await page.waitForSelector("#rows .json");
    assert.equal(await page.locator("#rows img").count(), 0);
    assert.equal(await page.title(), "wscli: WebSocket test page");
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
    await showOptions(page);
    await page.fill("#subprotocol", "other, chat");
    await open(page);
    assert.equal(await page.textContent("#state"), "Open (subprotocol chat)");
  },

  async "gives an address the scheme that it lacks"({ page, lab }) {
    const host = new URL(lab.url).host;
    for (const address of [`${host}/ws`, `:${lab.port}/ws`, `${lab.port}/ws`, "/ws", `http://${host}/ws`, ` ${lab.url} `]) {
      await open(page, address);
      assert.equal(await page.inputValue("#url"), lab.url, address);
      await page.click("#close");
      await state(page, "closed");
    }
    await page.fill("#url", "ws://[");
    await page.click("#connect");
    await page.waitForFunction(() => document.querySelector("#rows li.bad")?.textContent.includes("Cannot connect: "));
  },

  async "recalls what was sent, and sends a row again"({ page }) {
    await open(page);
    for (const text of ["one", "two"]) {
      await send(page, text);
      await hasRow(page, "in", text);
    }
    await page.focus("#message");
    const seen = [];
    for (const key of ["ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown"]) {
      await page.keyboard.press(key);
      seen.push(await page.inputValue("#message"));
    }
    assert.deepEqual(seen, ["one", "one", "two", ""]);
    await page.locator("#rows li.out").first().hover();
    await page.click("#resend");
    await page.waitForFunction(() => document.querySelectorAll("#rows li.in").length === 3);
    assert.equal(await countRows(page, "one"), 4);
    assert.deepEqual((await rows(page)).at(-2), ["out", "one"]);
  },

  async "copies a row"({ page, context, lab }) {
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(lab.page).origin });
    await open(page);
    await send(page, "x".repeat(5000));
    await page.waitForSelector("#rows li.in");
    await page.locator("#rows li.in").hover();
    await page.click("#copy");
    await page.waitForFunction(() => document.getElementById("copy").textContent === "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "x".repeat(5000));
  },

  async "counts each direction, the time and the last echo"({ page }) {
    await open(page);
    for (const text of ["a", "bc"]) {
      await send(page, text);
      await hasRow(page, "in", text);
    }
    assert.match(await page.textContent("#stats"),
      /^sent 2 \(3 B\) · received 2 \(3 B\) · last echo \d+\.\d ms · open \d+:\d\d$/);
    await page.waitForFunction(() => !/open 0:00$/.test(document.getElementById("stats").textContent));
  },

  async "offers the routes of the lab, and tells what the server sees"({ page, base, lab }) {
    const documented = await page.$$eval("#lab option", (options) => options.map((option) => option.value));
    assert.ok(documented.includes("/json") && documented.length > 10, documented);
    await page.selectOption("#lab", "/json");
    assert.equal(await page.inputValue("#url"), `${base}/json`);
    assert.match(await page.textContent("#lab-does"), /what the server saw/);
    await showOptions(page);
    await page.click("#saw");
    await page.waitForSelector("#rows li.note summary");
    const [[look, seen]] = await rows(page);
    assert.equal(look, "note");
    assert.match(seen, /^The server sees: {"peer":"127\.0\.0\.1:/);
    assert.ok(seen.includes(new URL(lab.page).origin), seen);
  },

  async "has a link that names the address without its secrets, and never connects by it"({ page, lab }) {
    let sockets = 0;
    page.on("websocket", () => { sockets += 1; });
    const address = `${lab.url}?room=a%20b`;
    await page.goto(`${lab.page}?url=${encodeURIComponent(address)}`);
    assert.equal(await page.inputValue("#url"), address);
    assert.equal(sockets, 0);
    await open(page, address.replace("//", "//me:pw@") + "&access_token=a&apiKey=b&X-Amz-Signature=c&code=d&author=e&pin=f");
    assert.equal(new URL(page.url()).searchParams.get("url"), `${address}&author=e`);
    await page.reload();
    assert.equal(await page.inputValue("#url"), `${address}&author=e`);
    await open(page, lab.url);
    assert.equal(page.url(), lab.page);
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
    await hasRow(page, "in", "one\ntwo");
    const reached = [];
    for (let i = 0; i < 9; i += 1) {
      await page.keyboard.press("Tab");
      reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.tagName));
    }
    assert.deepEqual(reached, ["kind", "send", "close", "SUMMARY", "filter", "pretty", "export", "clear", "log"]);
    // From row to row, and to what can be done with it.
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    assert.equal(await page.evaluate(() => document.activeElement.className), "out");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelectorAll("#rows li.in").length === 2);
    await page.focus("#close");
    await page.keyboard.press("Space");
    await state(page, "closed");
    assert.equal(await page.evaluate(() => document.activeElement.id), "connect");
  },
};
