// What gets the Worker onto an account: the scripts and the commands of docs/deploy.md, against a stand-in for the
// account. `wrangler deploy --dry-run` is the real one, and needs build/.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { unstable_readConfig as readConfig } from "wrangler";

const root = fileURLToPath(new URL("..", import.meta.url));

const execute = (file, args, options) =>
  new Promise((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
  });

/**
 * A copy of what the scripts need, unprovisioned, in which Wrangler is the stand-in and
 * the build only one of its calls.
 */
async function startProject(t, fields = {}) {
  const folder = await mkdtemp(join(tmpdir(), "path-collector-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const path of ["scripts", "wrangler.toml"]) cpSync(join(root, path), join(folder, path), { recursive: true });
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(join(root, "node_modules/wrangler"), join(folder, "node_modules/wrangler"));
  symlinkSync(join(root, "tests/fake_wrangler.mjs"), join(folder, "node_modules/.bin/wrangler"));
  const accountFile = join(folder, "account.json");
  const empty = { loggedIn: true, queues: [], kv: [], d1: [], r2: [], hiddenBuckets: [], calls: [] };
  writeFileSync(accountFile, JSON.stringify({ ...empty, ...fields }));
  writeFileSync(join(folder, "scripts/build"), "#!/bin/sh\nexec wrangler build\n");
  const env = { ...process.env, FAKE_ACCOUNT: accountFile };
  const account = () => JSON.parse(readFileSync(accountFile, "utf8"));
  const text = () => readFileSync(join(folder, "wrangler.toml"), "utf8");
  // Whoever has provisioned has IDs there.
  const zeros = (_, key, id) => `${key}"${id.replace(/\w/g, "0")}"`;
  writeFileSync(join(folder, "wrangler.toml"), text().replace(/^((?:database_)?id = )"(.*)"/gm, zeros));
  return {
    folder,
    run: (script, ...args) => execute(join(folder, "scripts", script), args, { env }),
    account,
    change: (fields) => writeFileSync(accountFile, JSON.stringify({ ...account(), ...fields })),
    text,
    edit: (from, to) => writeFileSync(join(folder, "wrangler.toml"), text().replace(from, to)),
    config: (name) => readConfig({ config: join(folder, "wrangler.toml"), env: name }, { hideWarnings: true }),
  };
}

/** The commands of a page's `console` blocks. */
const commands = (page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^ *```console\n(.*?)^ *```$/gms)].flatMap(([, block]) =>
    [...block.matchAll(/^ *\$ (.*)$/gm)].map(([, line]) => line),
  );

const created = ({ calls }) => calls.filter((call) => call.includes(" create "));

describe("scripts/provision", () => {
  test("prints the exact commands without an account, and runs none", async (t) => {
    const project = await startProject(t, { loggedIn: false });
    const before = project.text();
    const { code, stdout } = await project.run("provision", "staging", "--dry-run");
    assert.equal(code, 0);
    const lines = stdout.split("\n").filter((line) => line.startsWith("wrangler "));
    assert.deepEqual(lines.map((line) => line.replace(/ --env staging( +#.*)?$/, "")), [
      "wrangler whoami --json",
      "wrangler queues info traffic-events-staging",
      "wrangler queues create traffic-events-staging",
      "wrangler queues update traffic-events-staging --message-retention-period-secs 1209600",
      "wrangler queues info traffic-events-staging-dlq",
      "wrangler queues create traffic-events-staging-dlq",
      "wrangler queues update traffic-events-staging-dlq --message-retention-period-secs 1209600",
      "wrangler kv namespace list",
      "wrangler kv namespace create path-collector-staging-flags",
      "wrangler d1 list --json",
      "wrangler d1 create path-collector-staging",
      "wrangler r2 bucket list",
      "wrangler r2 bucket create path-collector-archive-staging",
    ]);
    for (const secret of ["ADMIN_TOKEN", "READ_TOKEN", "INGEST_TOKEN"]) {
      assert.match(stdout, new RegExp(`npx wrangler secret put ${secret} --env staging`));
    }
    assert.deepEqual(project.account().calls, []);
    assert.equal(project.text(), before);
  });

  test("makes everything once, writes the IDs into that environment alone, makes nothing a second time", async (t) => {
    const project = await startProject(t);
    const before = project.text();
    const first = await project.run("provision", "production");
    assert.equal(first.code, 0, first.stderr);
    const { queues, kv, d1, r2, retention } = project.account();
    assert.deepEqual(queues, ["traffic-events-production", "traffic-events-production-dlq"]);
    assert.deepEqual(retention, { "traffic-events-production": 1_209_600, "traffic-events-production-dlq": 1_209_600 });
    assert.deepEqual(r2, ["path-collector-archive-production"]);
    const { kv_namespaces, d1_databases } = project.config("production");
    assert.deepEqual([kv_namespaces[0].id, d1_databases[0].database_id], [kv[0].id, d1[0].uuid]);
    assert.deepEqual([kv[0].title, d1[0].name], ["path-collector-production-flags", "path-collector-production"]);
    const changed = project.text().split("\n").filter((line, number) => line !== before.split("\n")[number]);
    assert.deepEqual(changed, [`id = "${kv[0].id}"`, `database_id = "${d1[0].uuid}"`]);
    assert.match(first.stdout, /D1 database path-collector-production: created/);

    const after = project.text();
    project.change({ calls: [] });
    const second = await project.run("provision", "production");
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(created(project.account()), []);
    assert.equal(project.text(), after);
  });

  test("finds by name what was made before its ID was written down, also a bucket that isn't listed", async (t) => {
    const project = await startProject(t, {
      queues: ["traffic-events-staging-dlq", "traffic-events-staging"],
      kv: [{ id: "a".repeat(32), title: "path-collector-staging-flags" }],
      d1: [{ uuid: "b0000000-0000-4000-8000-000000000000", name: "path-collector-staging" }],
      hiddenBuckets: ["path-collector-archive-staging"],
    });
    const { code, stderr } = await project.run("provision", "staging");
    assert.equal(code, 0, stderr);
    assert.deepEqual(created(project.account()), ["r2 bucket create path-collector-archive-staging --env staging"]);
    assert.equal(project.config("staging").kv_namespaces[0].id, "a".repeat(32));
    assert.equal(project.config("staging").d1_databases[0].database_id, "b0000000-0000-4000-8000-000000000000");
  });

  test("has queues that are there keep messages for 14 days; says so where the plan doesn't allow it, and goes on", async (t) => {
    const project = await startProject(t, { queues: ["traffic-events-staging-dlq", "traffic-events-staging"] });
    assert.equal((await project.run("provision", "staging")).code, 0);
    assert.equal(project.account().retention["traffic-events-staging-dlq"], 1_209_600);
    project.change({ retention: {}, maxRetention: 86_400 });
    const { code, stdout } = await project.run("provision", "staging");
    assert.equal(code, 0);
    assert.match(stdout, /queue traffic-events-staging-dlq: this account may not keep messages for 14 days/);
    assert.deepEqual(project.account().retention, {});
  });

  test("makes a queue although another one's name begins the same", async (t) => {
    const project = await startProject(t, { queues: ["traffic-events-staging-dlq"] });
    assert.equal((await project.run("provision", "staging")).code, 0);
    assert.ok(project.account().queues.includes("traffic-events-staging"));
  });

  test("stops where a command fails, with its message, and goes on from there", async (t) => {
    const project = await startProject(t, { fails: "d1 create" });
    const failed = await project.run("provision", "staging");
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /wrangler d1 create path-collector-staging --env staging\n.*\[code: 10000\]/s);
    assert.deepEqual(project.account().r2, []);
    project.change({ fails: "", calls: [] });
    assert.equal((await project.run("provision", "staging")).code, 0);
    const kinds = created(project.account()).map((call) => call.split(" ").slice(0, 2).join(" "));
    assert.deepEqual(kinds, ["d1 create", "r2 bucket"]);
  });

  test("says what is wrong: the environment, an option, the login, another account's ID", async (t) => {
    const project = await startProject(t, { loggedIn: false });
    const refused = async (message, ...args) => {
      const { code, stderr } = await project.run("provision", ...args);
      assert.equal(code, 1);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, / {4}at /);
    };
    await refused(/name an environment: staging or production/);
    await refused(/no environment "prod" in wrangler.toml: staging or production/, "prod");
    await refused(/one environment at a time/, "staging", "production");
    await refused(/'--dryrun'; usage: scripts\/provision ENV \[--dry-run\]/, "staging", "--dryrun");
    await refused(/nobody is logged in. Log in with `npx wrangler login`, or set CLOUDFLARE_API_TOKEN/, "staging");
    project.change({ loggedIn: true });
    assert.equal((await project.run("provision", "staging")).code, 0);
    project.change({ kv: [] });
    await refused(/FLAGS has the ID \d+, but this account has no such KV namespace/, "staging");
  });
});

describe("make deploy", () => {
  test("refuses without an environment, with a wrong one, and before it was provisioned", async (t) => {
    // This is the real Makefile: what whoever runs the tests has set must not name an environment.
    const env = { ...process.env, ENV: "", MAKEFLAGS: "", MAKEOVERRIDES: "" };
    const make = (...args) => execute("make", ["--silent", ...args], { cwd: root, env });
    for (const { message, args } of [
      { message: /name an environment: staging or production/, args: [] },
      { message: /no environment "live"/, args: ["ENV=live"] },
    ]) {
      const { code, stderr } = await make("deploy", ...args);
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
    const project = await startProject(t);
    const { code, stderr } = await project.run("deploy", "production");
    assert.equal(code, 1);
    assert.match(stderr, /production has no ID yet for FLAGS and DB. First: scripts\/provision production/);
    assert.deepEqual(project.account().calls, []);
  });

  test("builds, migrates, then deploys; and warns of a gateway without an upstream", async (t) => {
    const project = await startProject(t);
    await project.run("provision", "staging");
    project.change({ calls: [] });
    const { code, stderr } = await project.run("deploy", "staging");
    assert.equal(code, 0, stderr);
    assert.match(stderr, /warning: staging has no UPSTREAM_URL/);
    const { calls } = project.account();
    assert.deepEqual(calls, [
      "build",
      "d1 migrations apply DB --remote --env staging",
      "deploy --env staging --message no revision",
    ]);
    project.edit(/(\[env\.staging\.vars\]\n(?:#.*\n)?)UPSTREAM_URL = ""/, '$1UPSTREAM_URL = "https://api.example.com"');
    assert.doesNotMatch((await project.run("deploy", "staging")).stderr, /warning/);
  });

  test("does not deploy where the migrations fail", async (t) => {
    const project = await startProject(t);
    await project.run("provision", "staging");
    project.change({ calls: [], fails: "d1 migrations" });
    assert.notEqual((await project.run("deploy", "staging")).code, 0);
    assert.ok(!project.account().calls.some((call) => call.startsWith("deploy")));
  });

  for (const name of ["staging", "production"]) {
    test(`a dry run makes ${name}'s Worker with every binding, by Wrangler itself`, async () => {
      const { code, stdout, stderr } = await execute(join(root, "scripts/deploy"), [name, "--dry-run"]);
      assert.equal(code, 0, stderr);
      for (const binding of ["PATH_COLLECTOR", "FLAGS", "TRAFFIC_QUEUE", "DB", "ARCHIVE"]) {
        assert.match(stdout, new RegExp(`env\\.${binding} `));
      }
      assert.match(stdout, new RegExp(`traffic-events-${name}\\b`));
    });
  }
});

test("where Rust is missing the hosted build gets it, once, before the tools and the Worker", async (t) => {
  const project = await startProject(t);
  const bin = join(project.folder, "bin");
  const script = (path, text) => writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  mkdirSync(bin);
  for (const command of ["bash", "sh", "dirname", "mkdir", "touch", "chmod"]) {
    symlinkSync(process.env.PATH.split(":").map((folder) => join(folder, command)).find(existsSync), join(bin, command));
  }
  // What rustup.rs serves is a script for sh; this one makes a cargo that nobody calls.
  const rustup = "echo rustup; mkdir -p $CARGO_HOME/bin; touch $CARGO_HOME/bin/cargo; chmod +x $CARGO_HOME/bin/cargo";
  script(join(bin, "curl"), `echo '${rustup}'`);
  script(join(project.folder, "scripts/setup"), "echo setup");
  script(join(project.folder, "scripts/build"), "echo build");
  const env = { PATH: bin, CARGO_HOME: join(project.folder, "cargo") };
  const build = () => execute(join(bin, "bash"), [join(project.folder, "scripts/build-hosted")], { env });
  const first = await build();
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(first.stdout.trim().split("\n").slice(1), ["rustup", "setup", "build"]);
  assert.equal((await build()).stdout, "setup\nbuild\n");
});

describe("docs/deploy.md", () => {
  const lines = commands("docs/deploy.md");

  test("has commands of make, scripts/provision and Wrangler, and no others", () => {
    assert.ok(lines.length >= 10);
    const known = /^(make (setup|deploy(-dry-run)? ENV=\w+)|scripts\/provision \w+( --dry-run)?|npx wrangler .+)$/;
    assert.deepEqual(lines.filter((line) => !known.test(line)), []);
  });

  test("leads from nothing to both environments, in its order", async (t) => {
    const project = await startProject(t);
    // The page says for staging what is done for production as well.
    assert.equal((await project.run("provision", "production")).code, 0);
    const ran = [];
    for (const line of lines) {
      const [, script, dryRun, args] = line.match(/(provision|deploy)(-dry-run)? (?:ENV=)?(.*)$/) ?? [];
      if (!script || line.startsWith("npx")) continue;
      const { code, stderr } = await project.run(script, ...args.split(" "), ...(dryRun ? ["--dry-run"] : []));
      assert.equal(code, 0, `${line}\n${stderr}`);
      ran.push(line);
    }
    const { calls, d1 } = project.account();
    assert.ok(ran.length >= 6 && d1.length === 2);
    assert.equal(calls.filter((call) => call.startsWith("deploy --env")).length, 3);
  });

  test("asks of Wrangler what it has", async () => {
    for (const line of lines.filter((line) => line.startsWith("npx wrangler "))) {
      const command = line.replace("npx wrangler ", "");
      const [words] = command.match(/^[a-z ]+?(?= [A-Z-]|$)/);
      const { code, stdout } = await execute(join(root, "node_modules/.bin/wrangler"), [...words.split(" "), "--help"]);
      assert.equal(code, 0, line);
      assert.ok(stdout.startsWith(`wrangler ${words}`), `${line}\n${stdout}`);
      for (const [option] of command.matchAll(/--[\w-]+/g)) assert.ok(stdout.includes(option), `${line}: ${option}`);
    }
  });
});
