// ts_peer.mjs SCENARIO [NAME=VALUE...]: the scenarios of the benchmark with the TypeScript SDK, `@openai/codex-sdk`.
// It starts one process per turn, `codex exec`, and has no deltas: the text of an item comes as a whole with each update.
import fs from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";

const [, , name, ...rest] = process.argv;
const settings = rest.map((argument) => [
  argument.slice(0, argument.indexOf("=")),
  argument.slice(argument.indexOf("=") + 1),
]);
const figures = {};

const setting = (key, fallback) => settings.find(([other]) => other === key)?.[1] ?? fallback;
const number = (key, fallback) => Number(setting(key, fallback));

// The SDK is in a directory of its own, not beside this file; it exports an "import" condition only.
const { Codex } = await import(pathToFileURL(`${setting("sdk")}/dist/index.js`).href);

function memoryKb(field) {
  const status = fs.readFileSync("/proc/self/status", "utf8");
  return Number(status.match(new RegExp(`^${field}:\\s+(\\d+)`, "m"))[1]);
}

function moment() {
  const usage = process.resourceUsage();
  return {
    wall: Number(process.hrtime.bigint()) / 1000,
    cpu: usage.userCPUTime + usage.systemCPUTime,
    waits: usage.voluntaryContextSwitches,
  };
}

function figuresOfSpan(begin, events) {
  const end = moment();
  figures.events = events;
  figures.wall_us_each = (end.wall - begin.wall) / events;
  figures.cpu_us_each = (end.cpu - begin.cpu) / events;
  figures.per_second = (events / (end.wall - begin.wall)) * 1e6;
  figures.waits_each = (end.waits - begin.waits) / events;
}

function figuresOfLatencies(latencies) {
  if (latencies.length === 0) return;
  latencies.sort((left, right) => left - right);
  figures.p50_us = latencies[Math.floor(latencies.length / 2)];
  figures.p99_us = latencies[Math.floor((latencies.length * 99) / 100)];
  figures.max_us = latencies.at(-1);
}

const since = (sent) => Number(process.hrtime.bigint() / 1000n) - parseInt(sent, 10);

async function follow(thread, view) {
  const { events } = await thread.runStreamed("go");
  for await (const event of events) {
    if (event.type !== "item.updated") continue;
    view.count += 1;
    view.touched += event.item.text.length + event.item.id.length;
    if (view.paced) view.latencies.push(since(event.item.text));
  }
}

async function followAll(codex, count) {
  const view = { count: 0, touched: 0, paced: number("paced", 0) === 1, latencies: [] };
  const begin = moment();
  await Promise.all(Array.from({ length: count }, () => follow(codex.startThread({ skipGitRepoCheck: true }), view)));
  figuresOfSpan(begin, view.count);
  figuresOfLatencies(view.latencies);
  figures.rss_kb = memoryKb("VmRSS");
}

async function smallTurns(codex) {
  const count = number("count", 50);
  const turn = () => codex.startThread({ skipGitRepoCheck: true }).run("go");
  for (let i = 0; i < 5; i++) await turn();
  const rss = memoryKb("VmRSS");
  const begin = moment();
  for (let i = 0; i < count; i++) await turn();
  figuresOfSpan(begin, count);
  figures.growth_kb = memoryKb("VmRSS") - rss;
}

async function startup(codex) {
  await codex.startThread({ skipGitRepoCheck: true }).run("go");
  figures.wall_ms = (Number(process.hrtime.bigint()) - Number(process.env.BENCH_SINCE_NS)) / 1e6;
}

async function slowReader(codex) {
  const rss = memoryKb("VmRSS");
  const { events } = await codex.startThread({ skipGitRepoCheck: true }).runStreamed("go");
  let peak = rss;
  for (let i = 0; i < 5; i++) {
    await events.next();
    await new Promise((resolve) => setTimeout(resolve, 300));
    peak = Math.max(peak, memoryKb("VmRSS"));
  }
  figures.growth_kb = peak - rss;
}

async function idle() {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const begin = moment();
  await new Promise((resolve) => setTimeout(resolve, number("seconds", 10) * 1000));
  const end = moment();
  figures.wakeups = end.waits - begin.waits - 1;
  figures.cpu_us = end.cpu - begin.cpu;
  figures.rss_kb = memoryKb("VmRSS");
}

const scenarios = {
  stream: (codex) => followAll(codex, 1),
  turns: (codex) => followAll(codex, number("turns", 100)),
  "small-turns": smallTurns,
  startup,
  idle,
  "slow-reader": slowReader,
};

const configOverrides = settings.filter(([key]) => key === "config").map(([, value]) => value);
await scenarios[name](new Codex({ codexPathOverride: setting("runtime"), configOverrides }));
console.log(JSON.stringify(figures));
process.exit(0);
