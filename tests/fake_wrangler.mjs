#!/usr/bin/env node
// Stands in for Wrangler with an account behind it, answering in Wrangler's words; `deployment.test.mjs` puts it first
// in PATH. The account is the JSON file FAKE_ACCOUNT: `loggedIn`, `queues`, `kv`, `d1`, `r2`, `hiddenBuckets` (which
// Wrangler doesn't list), `retention` (of queues, in s), `maxRetention` (that the plan allows), `fails` (the beginning of a command that fails), `calls` (every command, in order).
import { readFileSync, writeFileSync } from "node:fs";

const file = process.env.FAKE_ACCOUNT;
const account = JSON.parse(readFileSync(file, "utf8"));
const args = process.argv.slice(2);
const line = args.join(" ");
const [, name] = line.match(/^(?:\w+ )+(?:create|info|update) (\S+)/) ?? [];
account.calls.push(line);

const stop = (message) => {
  writeFileSync(file, JSON.stringify(account));
  console.error(`✘ [ERROR] ${message}`);
  process.exit(1);
};
const made = (digits) => String(account.calls.length).padStart(digits, "1");

if (account.fails && line.startsWith(account.fails)) stop("A request to the Cloudflare API failed. [code: 10000]");

if (line.startsWith("whoami --json")) {
  console.log(JSON.stringify({ loggedIn: account.loggedIn }));
  if (!account.loggedIn) process.exitCode = 1;
} else if (line.startsWith("queues info")) {
  // As the platform does, the first whose name begins so.
  const found = account.queues.toSorted().find((queue) => queue.startsWith(name));
  if (!found) stop(`Queue "${name}" does not exist. To create it, run: wrangler queues create ${name}`);
  console.log(`Queue Name: ${found}\nQueue ID: 1\nNumber of Producers: 0`);
} else if (line.startsWith("queues create")) {
  if (account.queues.includes(name)) stop(`Queue name '${name}' is already taken. [code: 11009]`);
  account.queues.push(name);
} else if (line.startsWith("queues update")) {
  const [, seconds] = line.match(/--message-retention-period-secs (\d+)/);
  if (Number(seconds) > (account.maxRetention ?? 1_209_600)) {
    stop(`message_retention_period must be at most ${account.maxRetention}. [code: 100127]`);
  }
  account.retention = { ...account.retention, [name]: Number(seconds) };
} else if (line.startsWith("kv namespace list")) {
  console.log(JSON.stringify(account.kv));
} else if (line.startsWith("kv namespace create")) {
  account.kv.push({ id: made(32), title: name });
} else if (line.startsWith("d1 list --json")) {
  console.log(JSON.stringify(account.d1));
} else if (line.startsWith("d1 create")) {
  account.d1.push({ uuid: `00000000-0000-4000-8000-${made(12)}`, name });
} else if (line.startsWith("r2 bucket list")) {
  console.log(`Listing buckets...\n${account.r2.map((bucket) => `name:           ${bucket}`).join("\n\n")}`);
} else if (line.startsWith("r2 bucket create")) {
  if (account.hiddenBuckets.includes(name)) {
    stop("The bucket you tried to create already exists, and you own it. [code: 10004]");
  }
  account.r2.push(name);
} else if (!/^(build$|d1 migrations apply |deploy )/.test(line)) {
  stop(`Unknown command: ${line}`);
}
writeFileSync(file, JSON.stringify(account));
