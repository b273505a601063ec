// What an account is told: wrangler.toml, and what the "Deploy to Cloudflare" button reads, against the code.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { experimental_readRawConfig as readRawConfig, unstable_readConfig as readConfig } from "wrangler";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path) => readFileSync(join(root, path), "utf8");
const { rawConfig } = readRawConfig({ config: join(root, "wrangler.toml") });
const NAMED = ["staging", "production"];
/** Each environment as Wrangler resolves it; the default's name is empty. */
const environments = ["", ...NAMED].map((name) => ({
  name,
  suffix: name && `-${name}`,
  config: readConfig({ config: join(root, "wrangler.toml"), env: name }, { hideWarnings: true }),
}));

/** Bindings that the code does without, and so need not be configured. */
const OPTIONAL = { UPSTREAM: "UPSTREAM_URL serves instead" };
/** How the code asks for a binding, and the names that an environment has of that kind. */
const KINDS = {
  kv: (config) => config.kv_namespaces.map(({ binding }) => binding),
  d1: (config) => config.d1_databases.map(({ binding }) => binding),
  bucket: (config) => config.r2_buckets.map(({ binding }) => binding),
  queue: (config) => config.queues.producers.map(({ binding }) => binding),
  durable_object: (config) => config.durable_objects.bindings.map(({ name }) => name),
  service: (config) => (config.services ?? []).map(({ binding }) => binding),
  assets: (config) => (config.assets?.binding ? [config.assets.binding] : []),
};
/** Ways to ask for what is no binding: settings and secrets, which have tests of their own. */
const OTHER_METHODS = ["var", "secret", "clone"];

/** Rust sources of the platform's side by path, without their tests. */
const sources = new Map(
  readdirSync(join(root, "src"), { recursive: true })
    .map((file) => `src/${file}`)
    .filter((path) => path.endsWith(".rs"))
    .map((path) => [path, read(path).split("#[cfg(test)]")[0]]),
);

/** The text that an argument stands for: a literal, or a constant of this file or of the module it names. */
function textOf(argument, path) {
  if (/^"\w+"$/.test(argument)) return argument.slice(1, -1);
  const [constant, module] = argument.split("::").reverse();
  const inModule = (file) => file.endsWith(`/${module}.rs`) || file.endsWith(`/${module}/mod.rs`);
  const files = module ? [...sources.keys()].filter(inModule) : [path];
  for (const file of files) {
    const [, text] = sources.get(file).match(new RegExp(`const ${constant}: &str = "(\\w+)"`)) ?? [];
    if (text) return text;
  }
  return assert.fail(`${path}: which binding is ${argument}? Give a literal or a constant`);
}

/** A method of the environment, and its first argument. */
const CALL = /\benv\s*\.\s*(\w+)(?:::<[^>]*>)?\(\s*&?([^),]*)/g;

/** Every binding that the code asks for: `{kind, name}`. */
function askedFor() {
  const calls = [...sources].flatMap(([path, source]) =>
    [...source.matchAll(CALL)].map(([, kind, name]) => ({ path, kind, name })),
  );
  return calls
    .filter(({ kind }) => !OTHER_METHODS.includes(kind))
    .map(({ path, kind, name }) => {
      assert.ok(kind in KINDS, `${path} asks env.${kind}(): teach this test where such a binding is configured`);
      return { kind, name: textOf(name.trim(), path) };
    });
}

describe("wrangler.toml", () => {
  test("has the environments that the scripts and the pages name", () => {
    assert.deepEqual(Object.keys(rawConfig.env), NAMED);
  });

  test("binds all that the code asks for, in every environment", () => {
    const asked = askedFor();
    for (const name of ["FLAGS", "DB", "TRAFFIC_QUEUE", "PATH_COLLECTOR", "UPSTREAM"]) {
      assert.ok(asked.some((binding) => binding.name === name), `the search no longer finds ${name} in the code`);
    }
    for (const { name: env, config } of environments) {
      const missing = asked.filter(({ kind, name }) => !(name in OPTIONAL) && !KINDS[kind](config).includes(name));
      assert.deepEqual(missing, [], `environment "${env}"`);
    }
  });

  test("gives every environment the same bindings and variables, of which none inherits any", () => {
    const names = (config) => [...Object.values(KINDS).flatMap((kind) => kind(config)), ...Object.keys(config.vars)];
    const [first, ...others] = environments;
    assert.ok(names(first.config).includes("ARCHIVE"));
    for (const { name, config } of others) assert.deepEqual(names(config), names(first.config), name);
  });

  test("gives every environment stores and queues of its own", () => {
    for (const { suffix, config } of environments) {
      assert.equal(config.name, `path-collector${suffix}`);
      assert.deepEqual(config.d1_databases.map((database) => database.database_name), [`path-collector${suffix}`]);
      assert.deepEqual(config.r2_buckets.map((bucket) => bucket.bucket_name), [`path-collector-archive${suffix}`]);
      assert.deepEqual(config.queues.producers.map(({ queue }) => queue), [`traffic-events${suffix}`, `traffic-events${suffix}-dlq`]);
    }
  });

  test("consumes the queue and its dead letters as required", () => {
    for (const { name, suffix, config } of environments) {
      const numbers = { max_batch_size: 100, max_batch_timeout: 5, max_concurrency: 1 };
      const [queue, dead_letter_queue] = [`traffic-events${suffix}`, `traffic-events${suffix}-dlq`];
      const [traffic, letters, ...others] = config.queues.consumers;
      assert.deepEqual(others, [], name);
      assert.deepEqual({ ...traffic }, { queue, ...numbers, max_retries: 3, dead_letter_queue });
      assert.deepEqual({ ...letters }, { queue: dead_letter_queue, ...numbers, max_retries: 100 });
      // The consumer tells them apart so.
      const lanes = read("crates/model/src/delivery/retry.rs");
      assert.match(lanes, /SLOW_SUFFIX: &'static str = "-dlq"/);
      // It counts on these bounds.
      assert.match(lanes, /MAIN_RETRIES: u32 = 3;.*SLOW_RETRIES: u32 = 100;/s);
    }
  });

  test("runs cron each minute, keeps logs, and keeps the platform's own line per request out of them", () => {
    for (const { name, config } of environments) {
      assert.deepEqual(config.triggers.crons, ["* * * * *"], name);
      const { enabled, logs } = config.observability;
      assert.deepEqual([enabled, logs.enabled, logs.invocation_logs], [true, true, false], name);
    }
  });

  test("makes each object's class with SQLite", () => {
    const classes = [...sources.values()].flatMap((source) =>
      [...source.matchAll(/#\[durable_object[^\]]*\][^;{]*?struct (\w+)/g)].map(([, name]) => name),
    );
    assert.deepEqual(classes, ["PathCollector"]);
    for (const { config } of environments) {
      assert.deepEqual(config.migrations.flatMap((migration) => migration.new_sqlite_classes ?? []), classes);
      assert.deepEqual(config.durable_objects.bindings.map((binding) => binding.class_name), classes);
    }
  });

  test("sets only what the code knows as a setting, and never opens it", () => {
    const config = read("crates/flow/src/config.rs");
    const known = [...config.matchAll(/\b(?:get|reader\s*\.\s*\w+)\(\s*"([A-Z_]+)"/g)].map(([, name]) => name);
    assert.ok(known.includes("LOCAL_DEVELOPMENT") && known.includes("PATH_TEMPLATES") && known.length > 10);
    for (const { name, config } of environments) {
      assert.deepEqual(Object.keys(config.vars).filter((setting) => !known.includes(setting)), [], name);
      assert.ok(!("LOCAL_DEVELOPMENT" in config.vars), name);
    }
  });
});

describe("migrations", () => {
  const files = readdirSync(join(root, "migrations")).filter((file) => file.endsWith(".sql"));
  const sql = (file) => read(`migrations/${file}`).replace(/--.*$/gm, "");

  test("only add: code that is being replaced, or rolled back to, still finds its tables", () => {
    assert.ok(files.length >= 6);
    for (const file of files) assert.doesNotMatch(sql(file), /\b(DROP (TABLE|COLUMN)|RENAME)\b/i, file);
  });

  test("are all known to the stores, in order", () => {
    const included = [...read("crates/store/src/schema.rs").matchAll(/script!\(".*\/migrations\/(.*)"\)/g)];
    assert.deepEqual(included.map(([, file]) => file), files.sort());
  });
});

test("CI and the development container have the oldest Rust that will do, so that it is one that does", () => {
  const [, oldest] = read("Cargo.toml").match(/^rust-version = "(.*)"$/m);
  const images = [".github/workflows/ci.yml", ".devcontainer/devcontainer.json"].flatMap((path) =>
    [...read(path).matchAll(/\brust:([\d.]+)-/g)].map(([, version]) => version),
  );
  assert.deepEqual(images, [oldest, oldest, oldest]);
});

describe("the Deploy to Cloudflare button", () => {
  const { scripts, cloudflare } = JSON.parse(read("package.json"));
  const secrets = [...read(".dev.vars.example").matchAll(/^(\w+)=(.*)$/gm)];

  test("stands in the README", () => {
    assert.match(read("README.md"), /\]\(https:\/\/deploy.workers.cloudflare.com\/\?url=https:\/\/github.com\/\S+\)/);
  });

  test("asks for each secret that the code reads, and suggests none", () => {
    const asked = [...sources.get("src/http/access.rs").matchAll(/"(\w+_TOKEN)"/g)].map(([, name]) => name);
    assert.deepEqual(new Set(secrets.map(([, name]) => name)), new Set(asked));
    assert.ok(secrets.every(([, , value]) => value === ""));
  });

  test("describes every binding, variable and secret", () => {
    const { config } = environments[0];
    const names = [...askedFor().map(({ name }) => name).filter((name) => !(name in OPTIONAL)), "ARCHIVE"];
    const all = new Set([...names, ...Object.keys(config.vars), ...secrets.map(([, name]) => name)]);
    assert.deepEqual(new Set(Object.keys(cloudflare.bindings)), all);
    for (const { description } of Object.values(cloudflare.bindings)) assert.ok(description.length > 20);
  });

  test("migrates by the binding's name, since people rename databases, and only then deploys", () => {
    assert.match(scripts.deploy, /^wrangler d1 migrations apply DB --remote .*&& wrangler deploy\b/);
    assert.ok(existsSync(join(root, scripts.build)));
  });
});
