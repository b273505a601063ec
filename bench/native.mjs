// What is measured natively, by cargo: benches/micro.rs and benches/growth of crates/store.
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";

import { project } from "./runtime.mjs";

const cargoBench = (name, ...args) =>
  execFileSync("cargo", ["bench", "--quiet", "--package", "store", "--bench", name, ...args], {
    cwd: project("."),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });

/** Median time of making an ID, in ns; criterion leaves it in a file. */
export async function idNs() {
  cargoBench("micro", "--", "--quiet", "^id$");
  const estimates = JSON.parse(await readFile(project("target/criterion/id/new/estimates.json"), "utf8"));
  return estimates.median.point_estimate;
}

/** Markdown of how the cost of each hot operation grows; when quick, only its assertions are of interest. */
export const growth = (quick) => cargoBench("growth", ...(quick ? ["--", "--quick"] : [])).trim();
