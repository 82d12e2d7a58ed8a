// How connections end, how they fail to begin, and how they come back.
"use strict";

const assert = require("node:assert/strict");
const { serve, hasRow, state, open, send, isRefused, showOptions } = require("./harness.cjs");

const isInvalid = (page, id) => page.$eval(id, (field) => field.validationMessage);

module.exports = {
  async "closes from the client"({ page }) {
    await open(page);
    await page.click("#close");
    await state(page, "closed");
    await hasRow(page, "note", "Connection closed. Code: 1000. Reason: Closing from client");
    assert.ok(await page.isDisabled("#send"));
    await open(page);
  },

  async "closes with a code and a reason that can be sent"({ page }) {
    await open(page);
    await showOptions(page);
    for (const [code, reason, field, message] of [
      ["1001", "", "#close-code", "A page can send 1000, 3000 to 4999, or nothing"],
      ["x", "", "#close-code", "A page can send 1000, 3000 to 4999, or nothing"],
      ["", "why", "#close-code", "A reason needs a code"],
      ["4000", "ä".repeat(62), "#close-reason", "A reason has 123 bytes at most, and this has 124"],
    ]) {
      await page.fill("#close-code", code);
      await page.fill("#close-reason", reason);
      assert.equal(await isInvalid(page, field), message);
      await page.click("#close");
      assert.equal(await page.getAttribute("#state", "data-state"), "open");
    }
    await page.fill("#close-reason", "enough");
    await page.click("#close");
    await hasRow(page, "note", "Connection closed. Code: 4000. Reason: enough");
    await open(page);
    await page.fill("#close-code", "");
    await page.fill("#close-reason", "");
    await page.click("#close");
    await hasRow(page, "note", "Connection closed. Code: 1005. Reason: none");
  },

  async "is closed by the server"({ page, base }) {
    await open(page, `${base}/close/4001?reason=enough&after=1`);
    await send(page, "x");
    await hasRow(page, "note", "Connection closed. Code: 4001. Reason: enough");
    await state(page, "closed");
  },

  async "cancels what is still connecting"({ page, base }) {
    await page.fill("#url", `${base}/slow-handshake/60000`);
    await page.click("#connect");
    await state(page, "connecting");
    assert.equal(await page.textContent("#close"), "Cancel");
    await page.click("#close");
    await hasRow(page, "note", "Connecting was cancelled");
    await state(page, "closed");
  },

  async "tells failures apart"({ page, base, lab }) {
    const origin = new URL(lab.page).origin;
    await isRefused(page, `${base}/status/403`, "the server answers 403 (");
    await isRefused(page, `${base}/delay/xx`, "the server answers 400 (the fault lab does not understand delay 'xx'");
    await isRefused(page, `${base}/bad-accept`, "the server is there, and a plain request gets 400 (");
    await isRefused(page, `${base}/nowhere`, "the server answers 404 (no WebSocket at this path; try /ws)");
    await isRefused(page, `${base}/redirect`, "the server redirects, which a browser does not follow for a WebSocket");
    await isRefused(page, `${base}/`, "no WebSocket here: the server answers 200 with a document");
    const closedPort = "127.0.0.1:1";
    await isRefused(page, `ws://${closedPort}/`,
      `a browser does not say why; ${closedPort} may be down, or refuse the origin of this page, ${origin}. `
      + "`wscli connect` with the same address tells");
  },

  async "tells that the server is gone"({ page }) {
    const server = await serve();
    await page.goto(server.page);
    await open(page);
    server.child.kill("SIGKILL");
    await hasRow(page, "note", "Connection closed. Code: 1006. Reason: none");
    await state(page, "closed");
    await isRefused(page, server.url, `127.0.0.1:${server.port} refuses the connection, or has gone`);
  },

  async "is refused for its origin"({ page }) {
    const server = await serve("--allow-origin", "http://elsewhere.example");
    await page.goto(server.page);
    await page.click("#connect");
    await page.waitForFunction((origin) => {
      const said = document.querySelector("#rows li.bad .data");
      return said && said.textContent.includes(`it may refuse the origin of this page, ${origin}`);
    }, new URL(server.page).origin);
    assert.ok(await page.isDisabled("#send"));
  },

  async "reconnects when the connection is lost, until that is cancelled"({ page, base }) {
    await showOptions(page);
    await page.check("#reconnect");
    await page.fill("#url", `${base}/drop`);
    await page.click("#connect");
    await page.waitForFunction(() =>
      [...document.querySelectorAll("#rows li")].filter((row) => row.textContent.includes("Connection opened")).length === 2);
    await state(page, "waiting");
    await page.click("#close");
    await hasRow(page, "note", "Reconnecting was cancelled");
    await state(page, "closed");
  },

  async "does not reconnect after a Close of its own"({ page }) {
    await showOptions(page);
    await page.check("#reconnect");
    await open(page);
    await page.click("#close");
    await state(page, "closed");
    await hasRow(page, "note", "Connection closed. Code: 1000. Reason: Closing from client");
    assert.equal(await page.getAttribute("#state", "data-state"), "closed");
  },
};
