// What the checks of the page share: a server, and words for what is seen.
"use strict";

const { spawn } = require("node:child_process");
const path = require("node:path");
const readline = require("node:readline");

const [wscli, out] = process.argv.slice(2);
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

const stopServers = () => servers.forEach((server) => server.kill("SIGKILL"));

// The rows of the log, as [look, text], where look is in, out, note or bad.
const rows = (page) => page.$$eval("#rows > li", (rows) => rows.map((row) => {
  const data = row.querySelector(".data");
  return [row.className, (data.querySelector("summary") || data).textContent];
}));

const hasRow = (page, look, text) => page.waitForFunction(([look, text]) =>
  [...document.querySelectorAll(`#rows > li.${look} > .data`)].some((data) =>
    (data.querySelector("summary") || data).textContent === text), [look, text]);

// How many rows have this text.
const countRows = async (page, text) => (await rows(page)).filter((row) => row[1] === text).length;

const state = (page, name) => page.waitForSelector(`#state[data-state=${name}]`);

async function open(page, url) {
  if (url) await page.fill("#url", url);
  await page.click("#connect");
  await state(page, "open");
}

async function send(page, text) {
  await page.fill("#message", text);
  await page.click("#send");
}

// Whether connecting fails with words that begin so.
async function isRefused(page, url, why) {
  await page.fill("#url", url);
  await page.click("#connect");
  await page.waitForFunction((text) =>
    document.querySelector("#rows > li.bad:last-child .data")?.textContent.startsWith(text), `Could not connect: ${why}`);
  await state(page, "closed");
}

const showOptions = (page) => page.$eval("#options", (options) => { options.open = true; });

const inOut = (name) => path.join(out, name);

module.exports = {
  serve, stopServers, rows, hasRow, countRows, state, open, send, isRefused, showOptions, out, inOut,
};
