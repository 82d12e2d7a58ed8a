// The page of `wscli serve`, in a real Chromium. Usage:
//
//     node page.cjs WSCLI OUT [CHECK]
//
// WSCLI is the program, OUT a folder for screenshots, CHECK a part of the names of
// the checks to run. Environment: CHROMIUM, the browser (default: chromium on the
// PATH). Prints a line for each check; exit 1 when one fails.
"use strict";

const { execFileSync } = require("node:child_process");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const { chromium } = require("playwright-core");
const { serve, stopServers, rows, out } = require("./page/harness.cjs");

const only = process.argv[4] || "";
const PATIENCE_MS = 60000;
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

const checks = {
  ...require("./page/talk.cjs"), ...require("./page/ends.cjs"), ...require("./page/log.cjs"), ...require("./page/look.cjs"),
};

// What no check may meet: errors, violations of the policy, requests to others.
function watch(page) {
  const strange = [];
  page.on("pageerror", (error) => strange.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) strange.push(message.text());
  });
  page.on("request", (request) => {
    if (!/^(http:\/\/127\.0\.0\.1:|data:|blob:)/.test(request.url())) strange.push(`asks for ${request.url()}`);
  });
  return strange;
}

async function run(browser, lab, name, check) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const strange = watch(page);
  try {
    await page.goto(lab.page);
    await check({ page, context, lab, base: lab.url.replace(/\/ws$/, "") });
    assert.deepEqual(strange, []);
    console.log(`ok      ${name}`);
    return true;
  } catch (error) {
    console.log(`FAILED  ${name}\n${error.stack}\n${JSON.stringify((await rows(page).catch(() => [])).slice(-5))}`);
    return false;
  } finally {
    await context.close();
  }
}

async function main() {
  const executablePath = process.env.CHROMIUM || execFileSync("/bin/sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  fs.mkdirSync(out, { recursive: true });
  const lab = await serve("--lab", "--subprotocol", "chat");
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  console.log(`Chromium ${browser.version()}`);
  const chosen = Object.entries(checks).filter(([name]) => name.includes(only));
  assert.ok(chosen.length, `no check is called ${only}`);
  let failed = 0;
  for (const [name, check] of chosen) failed += await run(browser, lab, name, check) ? 0 : 1;
  await browser.close();
  return failed;
}

main()
  .then((failed) => { process.exitCode = failed ? 1 : 0; })
  .catch((error) => { console.error(error); process.exitCode = 1; })
  .finally(stopServers);
