// The log: what it shows, and under a flood.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { hasRow, state, open, send, rows, isRefused, showOptions, inOut } = require("./harness.cjs");

// A log whose events come a millisecond after each other.
function timeless(log) {
  let events = 0;
  return log
    .replace(/"time":"[^"]*"/g, '"time":"2026-01-02T03:04:05.000000Z"')
    .replace(/"offset_us":\d+/g, () => `"offset_us":${(events += 1) * 1000}`);
}

// How much of a row is hidden below the log or the window, in pixels.
const hiddenBelow = (page) => page.evaluate(() => {
  const newest = document.querySelector("#rows > li:last-child").getBoundingClientRect();
  const log = document.getElementById("log").getBoundingClientRect();
  return Math.round(newest.bottom - Math.min(log.bottom, innerHeight));
});

const startsWith = (page, text) => page.waitForFunction(
  (text) => document.getElementById("count").textContent.startsWith(text), text);

module.exports = {
  async "has the newest row in view, and the log fills the window"({ page }) {
    for (const [width, height, least] of [[1280, 800, 500], [360, 740, 300]]) {
      await page.setViewportSize({ width, height });
      await page.reload();
      await open(page);
      for (let i = 1; i <= 20; i += 1) {
        await send(page, `message ${i}`);
        await hasRow(page, "in", `message ${i}`);
      }
      assert.ok(await hiddenBelow(page) <= 0, `${width}x${height}: ${await hiddenBelow(page)} px below`);
      const log = await page.locator("#log").boundingBox();
      assert.ok(log.height >= least && log.y + log.height <= height, `${width}x${height}: ${JSON.stringify(log)}`);
      assert.equal(await page.evaluate(() => scrollY), 0);
    }
  },

  async "stays usable under a flood"({ page, base }) {
    await open(page, `${base}/stream/10000`);
    await page.waitForFunction(() => document.querySelectorAll("#rows > li").length >= 100);
    // No draw of the flood shows more, and the counters are ahead of the rows.
    const seen = await page.evaluate(async () => {
      const found = { frames: 0, most: 0 };
      const start = performance.now();
      while (found.frames < 20) {
        await new Promise(requestAnimationFrame);
        found.frames += 1;
        found.most = Math.max(found.most, document.querySelectorAll("#rows > li").length);
      }
      return { ...found, longest: performance.now() - start };
    });
    console.log(`  20 frames in ${Math.round(seen.longest)} ms, ${seen.most} rows`);
    assert.ok(seen.most <= 100, `${seen.most} rows`);
    assert.equal(await page.getAttribute("#log", "aria-live"), "off");
    assert.ok(await hiddenBelow(page) <= 0);
    await page.click("#close");
    await state(page, "closed");
    // When it is calm again there is more to scroll through, and it is read out.
    await page.waitForFunction(() => document.querySelectorAll("#rows > li").length > 100);
    await page.waitForSelector("#log[aria-live=polite]");
    assert.match(await page.textContent("#stats"), /received \d{3,} /);
  },

  async "reads out rows, and counts in the place of too many"({ page, base }) {
    await open(page);
    await send(page, "x");
    await hasRow(page, "in", "x");
    assert.equal(await page.getAttribute("#log", "aria-live"), "polite");
    assert.equal(await page.textContent("#said"), "");
    await page.click("#close");
    await state(page, "closed");
    await open(page, `${base}/stream/50`);
    await page.waitForSelector("#log[aria-live=off]");
    await page.waitForFunction(() => /^\d+ rows so far$/.test(document.getElementById("said").textContent));
    await page.click("#close");
    await page.waitForSelector("#log[aria-live=polite]");
  },

  async "keeps the reader's place while more comes"({ page, base }) {
    await open(page, `${base}/stream/100`);
    await page.waitForFunction(() => document.querySelectorAll("#rows > li").length > 60);
    await page.$eval("#log", (log) => { log.scrollTop = 0; });
    await page.waitForSelector("#newest:visible");
    const before = (await rows(page)).length;
    await page.waitForFunction(() => /^↓ \d\d+ newer rows$/.test(document.getElementById("newest").textContent));
    assert.equal((await rows(page)).length, before);
    assert.equal(await page.$eval("#log", (log) => log.scrollTop), 0);
    await page.click("#newest");
    await page.waitForFunction((before) => document.querySelectorAll("#rows > li").length > before, before);
    assert.ok(await hiddenBelow(page) <= 0);
  },

  async "draws the last 1,000 of 5,000 rows"({ page, base }) {
    await page.fill("#url", `${base}/count/5000`);
    await page.click("#connect");
    await startsWith(page, "5002 rows, the last 1000 shown");
    const found = await rows(page);
    assert.equal(found.length, 1000);
    assert.deepEqual(found.at(-2), ["in", "5000"]);
  },

  async "folds JSON, digits and all, and dumps binary"({ page }) {
    await open(page);
    const json = '{"id":12345678901234567890,"a":[1,{"b":"}"},{}],"a":null,"c":["x",2]}';
    await send(page, json);
    await hasRow(page, "in", json);
    await page.locator("#rows li.in summary").click();
    const tree = page.locator("#rows li.in .json");
    assert.equal((await tree.textContent()).replaceAll(": ", ":").replaceAll(", ", ","), json);
    assert.equal(await tree.locator("details").count(), 3);
    assert.equal(await tree.getByText('"c": ["x", 2]').count(), 1);
    assert.equal(await tree.getByText("12345678901234567890").isVisible(), true);
    await tree.locator("summary").nth(1).click();
    assert.equal(await tree.getByText('"}"').isVisible(), false);
    await page.check("#pretty");
    await page.waitForFunction(() => document.querySelectorAll("#rows .json").length === 2);
    await page.selectOption("#kind", "hex");
    const hex = Array(5).fill("48 69 00 ff").join(" ");
    await send(page, hex);
    await hasRow(page, "in", hex);
    await page.locator("#rows li:last-child summary").click();
    assert.equal(await page.locator("#rows li:last-child .whole").textContent(), [
      "00000000  48 69 00 ff 48 69 00 ff 48 69 00 ff 48 69 00 ff  |Hi..Hi..Hi..Hi..|",
      "00000010  48 69 00 ff                                      |Hi..|",
    ].join("\n"));
    // Depth is bounded: this is shown as it is.
    await page.selectOption("#kind", "text");
    await page.$eval("#message", (message) => { message.value = "[".repeat(50000) + "]".repeat(50000); });
    await page.click("#send");
    await page.waitForFunction(() => document.querySelectorAll("#rows li.in").length === 3);
    assert.equal(await page.locator("#rows li:last-child .whole").textContent(), "[".repeat(50000) + "]".repeat(50000));
  },

  async "filters all that was said, and clears"({ page, base }) {
    await page.fill("#url", `${base}/count/3000`);
    await page.click("#connect");
    await startsWith(page, "3002 rows");
    await page.fill("#filter", "OPENED");
    await startsWith(page, "1 of 3002 rows matches");
    assert.deepEqual(await rows(page), [["note", "Connection opened"]]);
    await page.fill("#filter", "17");
    await page.waitForFunction(() => document.querySelector("#rows .data").textContent === "17");
    await page.fill("#filter", "nowhere");
    await startsWith(page, "none of 3002 rows match");
    await page.click("#clear");
    await page.fill("#filter", "");
    assert.equal((await rows(page)).length, 0);
  },

  // Rust reads what is compared here, and what is written to OUT (tests/cli/log/page.rs).
  async "exports the communication log"({ page, lab, base }) {
    await isRefused(page, `${base}/status/503`, "the server answers 503 (");
    await showOptions(page);
    await page.fill("#subprotocol", "chat");
    await open(page, `${lab.url}?Token=abc&x=a%20b`);
    // Half of a surrogate pair is no text: what goes out has U+FFFD in its place.
    await page.$eval("#message", (message) => { message.value = "\ufeffä\n\ud800"; });
    await page.click("#send");
    await hasRow(page, "in", "\ufeffä\n\ufffd");
    await page.selectOption("#kind", "hex");
    await send(page, "ff");
    await hasRow(page, "in", "ff");
    await page.click("#close");
    await state(page, "closed");
    await page.fill("#subprotocol", "");
    await page.selectOption("#kind", "text");
    for (const end of ["close/4001?reason=enough&after=1", "drop?after=1"]) {
      await open(page, `${base}/${end}`);
      await send(page, end);
      await state(page, "closed");
    }
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
    assert.equal(download.suggestedFilename(), "websocket-log.jsonl");
    const text = fs.readFileSync(await download.path(), "utf8");
    fs.writeFileSync(inOut("export.jsonl"), text);
    for (const line of text.trimEnd().split("\n")) {
      assert.match(JSON.parse(line).time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    }
    const fixture = path.join(__dirname, "../../data/page-log.jsonl");
    const found = timeless(text).replaceAll(`:${lab.port}/`, ":5000/");
    if (process.env.WSCLI_UPDATE) fs.writeFileSync(fixture, found);
    assert.equal(found, fs.readFileSync(fixture, "utf8"));
  },
};
