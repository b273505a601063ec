// What the pages say of the repository: links, files, settings, health's codes and retention, held against the sources.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path) => readFileSync(join(root, path), "utf8");
const docs = readdirSync(join(root, "docs")).map((page) => `docs/${page}`);
const OTHERS = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "migrations/README.md", "clients/typescript/README.md"];
const pages = [...OTHERS, ...docs];
/** A page without its blocks of code. */
const prose = (page) => read(page).replace(/^ *```.*?^ *```$/gms, "");
const quoted = (page) => [...prose(page).matchAll(/`([^`\n]+)`/g)].map(([, text]) => text);

/** Folders whose files are made, or lie elsewhere. */
const ELSEWHERE = /^(target|events)\//;
const FILE = /^[\w.-]+(\/[\w.-]+)+\.(rs|mjs|js|ts|sql|json|toml|md|html)$/;
const filesBelow = (folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
/** Whatever reads settings, secrets and variables. */
const NAMING = [...["src", "crates", "scripts", "xtask"].flatMap(filesBelow), "wrangler.toml", "Makefile", ".dev.vars.example"];
const naming = NAMING.map(read).join("\n");

const targets = new Set([...read("Makefile").matchAll(/^([a-z-]+):/gm)].map(([, target]) => target));

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

    test(`${page}: the targets of make and the stories that its commands name exist`, () => {
      const commands = [...read(page).matchAll(/^ *(?:\$ )?((?:\w+=\S+ )*make .*)$/gm)].map(([, command]) => command);
      for (const command of commands) {
        const [, target] = command.match(/make ([a-z-]+)/) ?? [];
        assert.ok(target && targets.has(target), command);
        const [, story] = command.match(/STORY=(\S+)/) ?? [];
        assert.ok(!story || existsSync(join(root, story)), command);
      }
    });

    test(`${page}: the files that it names exist`, () => {
      const paths = quoted(page).filter((text) => FILE.test(text));
      // The map of the house names files of src/ without it.
      const exists = (path) => ["", "src", "dashboard"].some((folder) => existsSync(join(root, folder, path)));
      assert.deepEqual(paths.filter((path) => !ELSEWHERE.test(path) && !exists(path)), []);
    });

    test(`${page}: the settings that it names are known`, () => {
      const names = quoted(page).flatMap((text) => text.match(/\b[A-Z]+(_[A-Z]+)+\b/g) ?? []);
      const config = read("crates/flow/src/config.rs");
      const isSetting = (name) => /^KEEP_|^PARITY_|_(MS|PPM|EVENTS)$/.test(name);
      assert.deepEqual(names.filter((name) => isSetting(name) && !config.includes(`"${name}"`)), []);
      // Those that begin so are Wrangler's own.
      const ours = names.filter((name) => !name.startsWith("CLOUDFLARE_"));
      assert.deepEqual(ours.filter((name) => !naming.includes(name)), []);
    });
  }
});

/** Rows of the tables of a page's section, as cells. */
function rows(page, section) {
  const text = read(page).split(`\n## ${section}\n`)[1]?.split("\n## ")[0] ?? "";
  const lines = text.split("\n").filter((line) => line.startsWith("| "));
  return lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

describe("docs/operations.md", () => {
  const source = read("crates/model/src/operating/health/judge.rs");
  const alerts = rows("docs/operations.md", "Alerts")
    .filter(([, status]) => ["failing", "degraded"].includes(status))
    .map(([code, status, when]) => ({ code: code.replaceAll("`", ""), status, when }));

  test("has a row for each of health's codes, with its status, and for no other", () => {
    const kebab = (name) => name.replaceAll(/(?<=\w)[A-Z0-9]/g, "-$&").toLowerCase();
    const judged = [...source.matchAll(/add\(\s*ReasonCode::(\w+),\s*HealthStatus::(\w+)/g)];
    const unreadable = [...source.matchAll(/\(ReasonCode::(\w+Unreadable), MissingPart::/g)].map(([, code]) => ["", code, "failing"]);
    assert.ok(judged.length >= 20 && unreadable.length === 2);
    const documented = alerts.map(({ code, status }) => [code, status]);
    const codes = [...judged, ...unreadable].map(([, code, status]) => [kebab(code), status.toLowerCase()]);
    assert.deepEqual(documented.sort(), codes.sort());
  });

  test("says the thresholds that hold", () => {
    const constant = (name) => source.match(new RegExp(`const ${name}: u64 = ([\\d_]+)`))[1].replaceAll("_", "");
    for (const [wanted, name] of [
      ["queue-stuck", "QUEUE_WAIT_MS"],
      ["backlog", "BACKLOG"],
      ["folding-late", "UNFOLDED"],
      ["cron-late", "CRON_SILENCE_MS"],
    ]) {
      const { when } = alerts.find(({ code }) => code === wanted);
      assert.ok(when.replaceAll(",", "").split(" ").includes(constant(name)), wanted);
    }
  });

  test("says how long figures and details are kept, and what the settings may be", () => {
    const settings = [...read("crates/flow/src/config.rs").matchAll(/number\("(KEEP_\w+)", (\d+), (\d+)\.\.=([\d_]+)\)/g)];
    const documented = rows("docs/operations.md", "Retention").filter(([, , setting]) => setting?.startsWith("`KEEP_"));
    assert.equal(settings.length, documented.length);
    for (const [, name, kept, least, most] of settings) {
      const [, keptFor, , range] = documented.find(([, , setting]) => setting === `\`${name}\``) ?? [];
      const found = [keptFor?.split(" ")[0], range?.replace(",", "")];
      assert.deepEqual(found, [kept, `${least} to ${most.replace("_", "")}`], name);
    }
  });
});

describe("docs/glossary.md", () => {
  const sources = [...filesBelow("crates"), ...filesBelow("src")].filter((path) => path.endsWith(".rs")).map(read);
  const cells = prose("docs/glossary.md").split("\n").filter((line) => line.startsWith("| ")).map((line) => line.split("|").at(-2));
  const types = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, type]) => type));

  test("names types that exist", () => {
    assert.ok(types.length >= 30);
    const exists = (name) => {
      const [type, member = type] = name.split("::");
      const declared = new RegExp(`\\b(struct|enum|trait) ${type}\\b`);
      return sources.some((source) => declared.test(source) && new RegExp(`\\b${member}\\b`).test(source));
    };
    assert.deepEqual(types.filter((name) => !exists(name)), []);
  });
});

describe("the sources", () => {
  /** Each crate or layer may have its own. */
  const IDIOMS = ["Error"];

  test("give no two public types one name", () => {
    const folders = readdirSync(join(root, "crates")).map((name) => `crates/${name}/src`);
    const files = [...folders, "src", "xtask/src"].flatMap(filesBelow).filter((path) => path.endsWith(".rs"));
    const declared = new Map();
    for (const path of files) {
      const types = read(path).matchAll(/^\s*pub(?:\([^)]*\))? (?:struct|enum|trait|type|union) (\w+)/gm);
      for (const [, name] of types) declared.set(name, [...(declared.get(name) ?? []), path]);
    }
    assert.ok(declared.size >= 400);
    const several = [...declared].filter(([name, paths]) => paths.length > 1 && !IDIOMS.includes(name));
    assert.deepEqual(Object.fromEntries(several), {});
  });
});
