// How the page looks, and what it says to those who do not see it.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const { hasRow, open, send, showOptions, inOut } = require("./harness.cjs");

const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

async function violations(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

async function fill(page) {
  await send(page, "Hello, world");
  await hasRow(page, "in", "Hello, world");
  await send(page, '{"type":"greeting","to":["you","me"],"n":1}');
  await page.locator("#rows li.in summary").last().click();
  await send(page, "");
  await hasRow(page, "in", "(empty)");
  await page.selectOption("#kind", "hex");
  await send(page, "00 ff 41");
  await hasRow(page, "in", "00 ff 41");
  await send(page, "xyz");
  await page.locator("#rows li.out").last().hover();
}

const SIZES = [
  ["light", "light", 1400, 900], ["dark", "dark", 1400, 900], ["small", "light", 360, 740], ["small-dark", "dark", 360, 740],
];

async function shoot(page, kind) {
  for (const [name, colorScheme, width, height] of SIZES) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: inOut(`${kind}-${name}.png`) });
    const overflows = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.ok(!overflows, `${kind}-${name}: the page is wider than the window`);
  }
}

module.exports = {
  async "has a name for every control"({ page }) {
    const snapshot = await page.locator("main").ariaSnapshot();
    for (const name of [
      'textbox "WebSocket Server URL:"', 'button "Connect"', 'textbox "Message to send:', 'button "Send" [disabled]',
      'button "Close Socket" [disabled]', 'combobox "Send as:"', 'log "Communication Log"', "status: Ready to connect...",
      'searchbox "Show only rows that contain"', 'combobox "Fault lab:"',
    ]) assert.ok(snapshot.includes(name), `${name}\n${snapshot}`);
  },

  async "says the direction of a row"({ page }) {
    await open(page);
    await send(page, "x");
    await hasRow(page, "in", "x");
    const said = await page.locator("#log").ariaSnapshot();
    for (const words of ["Sent:", "Received:"]) assert.ok(said.includes(words), said);
  },

  async "has nothing that axe-core finds"({ page }) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1400, 360]) {
        await page.setViewportSize({ width, height: 740 });
        await page.reload();
        assert.deepEqual(await violations(page), [], `${colorScheme} ${width}, at the start`);
        await open(page);
        await showOptions(page);
        await fill(page);
        assert.deepEqual(await violations(page), [], `${colorScheme} ${width}, open`);
      }
    }
  },

  async "is to be looked at"({ page, base }) {
    await shoot(page, "start");
    await open(page, `${base}/json`);
    await fill(page);
    await shoot(page, "talk");
    await showOptions(page);
    await page.selectOption("#kind", "file");
    await shoot(page, "options");
    await page.click("#close");
    await page.reload();
    await open(page, `${base}/stream/10000`);
    await page.waitForFunction(() => document.querySelectorAll("#rows > li").length >= 100);
    await shoot(page, "stream");
  },
};
