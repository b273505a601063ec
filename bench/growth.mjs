// How the cost of each hot operation grows, natively (crates/store/benches/growth): its table goes into docs/performance.md. With
// --quick only its assertions are of interest.
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";

import { busyBefore, percent } from "./quiet.mjs";
import { replaced } from "./table.mjs";

const root = new URL("..", import.meta.url);
const quick = process.argv.includes("--quick");
const args = ["bench", "--quiet", "--bench", "growth", ...(quick ? ["--", "--quick"] : [])];
const busy = await busyBefore();
const table = execFileSync("cargo", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const [{ model }] = cpus();
const date = new Date().toISOString().slice(0, 10);
const about = `Measured on ${date} with \`make bench\`: ${model.trim()}, ${percent(busy)} busy before.`;
const text = `${about} ${table.trim()}`;
if (!quick) {
  const page = new URL("docs/performance.md", root);
  await writeFile(page, replaced(await readFile(page, "utf8"), text, "growth"));
}
console.log(text);
