// What criterion measured natively, from the files that it leaves.
import { readdir, readFile } from "node:fs/promises";

import { project } from "./runtime.mjs";

/** Median times in ns by benchmark; empty where none was run. */
export async function microFigures(folder = "target/criterion") {
  const found = {};
  const entries = await readdir(project(folder), { withFileTypes: true }).catch(() => []);
  for (const { name } of entries.filter((entry) => entry.isDirectory() && entry.name !== "report")) {
    const estimates = JSON.parse(await readFile(project(`${folder}/${name}/new/estimates.json`), "utf8"));
    found[name] = estimates.median.point_estimate;
  }
  return found;
}
