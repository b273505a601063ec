// What the pages say of the repository: links, files, settings, health's codes and retention, held against the sources.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path) => readFileSync(join(root, path), "utf8");
const pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", ...readdirSync(join(root, "docs")).map((page) => `docs/${page}`)];
/** A page without its blocks of code. */
const prose = (page) => read(page).replace(/^ *```.*?^ *```$/gms, "");
const quoted = (page) => [...prose(page).matchAll(/`([^`\n]+)`/g)].map(([, text]) => text);

/** Folders whose files are made, or lie elsewhere. */
const ELSEWHERE = /^(target|events)\//;
/** Sources that read settings, secrets and variables. */
const NAMING = ["src", "cli/src", "scripts", "wrangler.toml", "Makefile", ".dev.vars.example"];

function filesBelow(path) {
  const files = existsSync(join(root, path)) && !/\.\w+$|Makefile/.test(path) ? readdirSync(join(root, path), { recursive: true }) : null;
  return files ? files.map((file) => `${path}/${file}`).filter((file) => /\.\w+$|^scripts\/\w+$/.test(file)) : [path];
}

/** A heading's anchor, as GitHub makes it. */
const anchorOf = (heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}\- ]/gu, "").replaceAll(" ", "-");
const anchors = (page) => [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading));

describe("every page", () => {
  for (const page of pages) {
    test(`${page}: its links lead somewhere`, () => {
      for (const [, target] of prose(page).matchAll(/\]\(([^()\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [path, anchor] = target.split("#");
        const file = path ? relative(root, join(root, dirname(page), path)) : page;
        assert.ok(existsSync(join(root, file)), target);
        if (anchor && file.endsWith(".md")) assert.ok(anchors(file).includes(anchor), target);
      }
    });

    test(`${page}: the files that it names exist`, () => {
      const paths = quoted(page).filter((text) => /^[\w.-]+(\/[\w.-]+)+\.(rs|mjs|js|ts|sql|json|toml|md|html)$/.test(text));
      // The map of the house names files of src/ without it.
      const exists = (path) => ["", "src", "dashboard"].some((folder) => existsSync(join(root, folder, path)));
      assert.deepEqual(paths.filter((path) => !ELSEWHERE.test(path) && !exists(path)), []);
    });

    test(`${page}: the settings that it names are known`, () => {
      const names = quoted(page).flatMap((text) => text.match(/\b[A-Z]+(_[A-Z]+)+\b/g) ?? []);
      const config = read("src/edge/config.rs");
      const isSetting = (name) => /^KEEP_|^PARITY_|_(MS|PPM|EVENTS)$/.test(name);
      assert.deepEqual(names.filter((name) => isSetting(name) && !config.includes(`"${name}"`)), []);
      // Those that begin so are Wrangler's own.
      const ours = names.filter((name) => !name.startsWith("CLOUDFLARE_"));
      const sources = NAMING.flatMap(filesBelow).map(read).join("\n");
      assert.deepEqual(ours.filter((name) => !sources.includes(name)), []);
    });
  }
});

/** Rows of the tables of a page's section, as cells. */
function rows(page, section) {
  const text = read(page).split(`\n## ${section}\n`)[1]?.split("\n## ")[0] ?? "";
  return text.split("\n").filter((line) => line.startsWith("| ")).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

describe("docs/operations.md", () => {
  const [source, tests] = read("src/domain/health.rs").split("#[cfg(test)]");
  const alerts = new Map(rows("docs/operations.md", "Alerts").map(([code, ...cells]) => [code.replaceAll("`", ""), cells]));

  test("has a row for each of health's codes, with its status, and for no other", () => {
    const codes = [...source.matchAll(/(?:add\(|^ +\()"([a-z-]+)"/gm)].map(([, code]) => code);
    assert.ok(codes.length >= 12);
    const statuses = new Map([...tests.matchAll(/Status::(\w+), "([a-z-]+)"\)/g)].map(([, status, code]) => [code, status.toLowerCase()]));
    const documented = [...alerts].filter(([, [status]]) => ["failing", "degraded"].includes(status)).map(([code, [status]]) => [code, status]);
    assert.deepEqual(documented.sort(), codes.map((code) => [code, statuses.get(code)]).sort());
  });

  test("says the thresholds that hold", () => {
    const constant = (name) => source.match(new RegExp(`const ${name}: u64 = ([\\d_]+)`))[1].replaceAll("_", "");
    for (const [code, name] of [["queue-stuck", "QUEUE_WAIT_MS"], ["backlog", "BACKLOG"], ["folding-late", "UNFOLDED"], ["cron-late", "CRON_SILENCE_MS"]]) {
      assert.ok(alerts.get(code)[1].replaceAll(",", "").split(" ").includes(constant(name)), code);
    }
  });

  test("says how long figures and details are kept, and what the settings may be", () => {
    const settings = [...read("src/edge/config.rs").matchAll(/number\("(KEEP_\w+)", (\d+), (\d+)\.\.=([\d_]+)\)/g)];
    const documented = rows("docs/operations.md", "Retention").filter(([, , setting]) => setting?.startsWith("`KEEP_"));
    assert.equal(settings.length, documented.length);
    for (const [, name, kept, least, most] of settings) {
      const [, keptFor, , range] = documented.find(([, , setting]) => setting === `\`${name}\``) ?? [];
      assert.deepEqual([keptFor?.split(" ")[0], range?.replace(",", "")], [kept, `${least} to ${most.replace("_", "")}`], name);
    }
  });
});
