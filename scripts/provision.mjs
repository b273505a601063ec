// What scripts/provision runs: looks each resource up by name, creates it if it is missing, and writes down its ID.
//
// Every step may be interrupted: a resource that was created is found by its name the next time.
import { spawnSync } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { CONFIG, environment, isPlaceholder, queues, Refusal } from "./environment.mjs";

const SECRETS = {
  ADMIN_TOKEN: "may read and change; without it nothing can be changed",
  READ_TOKEN: "may only read, such as a dashboard or a probe; optional",
  INGEST_TOKEN: "may only report requests that were served elsewhere; optional",
};

/** How long a queue keeps a message, in s: 14 days, the most there is. Unless told, it is 4 days. */
const RETENTION_S = 14 * 24 * 3600;

const say = (text) => console.log(`provision: ${text}`);

/** Wrangler, for one environment. */
class Account {
  #env;

  constructor(env) {
    this.#env = env;
  }

  command(args) {
    return ["wrangler", ...args, "--env", this.#env];
  }

  /** Its output; null where it fails as `expected`. Any other failure ends all, with what Wrangler said. */
  run(args, expected) {
    const [wrangler, ...rest] = this.command(args);
    // Nobody answers questions: the command line was the answer.
    /** @type {import("node:child_process").SpawnSyncOptionsWithStringEncoding} */
    const options = { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, CI: "true" } };
    const { status, stdout, stderr, error } = spawnSync(wrangler, rest, options);
    if (status === 0) return stdout;
    const output = `${error?.message ?? ""}${stdout ?? ""}${stderr ?? ""}`.trim();
    if (expected?.test(output)) return null;
    throw new Refusal(
      `this failed; what was done before stays, so mend it and run again:\n  ${this.command(args).join(" ")}\n` +
        output.replace(/^/gm, "  | "),
    );
  }

  json(args) {
    const output = this.run(args) ?? "";
    try {
      return JSON.parse(output);
    } catch {
      throw new Refusal(`${this.command(args).join(" ")} should have printed JSON; it printed:\n${output}`);
    }
  }
}

const whoami = ["whoami", "--json"];

function checkLogin(account) {
  if (account.run(whoami, /"loggedIn":\s*false/) === null) {
    throw new Refusal("nobody is logged in. Log in with `npx wrangler login`, or set CLOUDFLARE_API_TOKEN");
  }
}

/** The kinds of resource: how each is looked up, made and set. A lookup gives the ID, or null if there is none. */
const kinds = {
  queue: {
    lookup: (name) => ["queues", "info", name],
    create: (name) => ["queues", "create", name],
    // Also for one that is there: nothing else tells how long it keeps messages.
    set: (name) => ["queues", "update", name, "--message-retention-period-secs", String(RETENTION_S)],
    refused: /retention/i,
    find(account, name) {
      const output = account.run(this.lookup(name), /does not exist/);
      // The platform may answer with another queue whose name only begins the same.
      return output?.match(/^Queue Name: (.*)$/m)?.[1].trim() === name ? name : null;
    },
  },
  "KV namespace": {
    lookup: () => ["kv", "namespace", "list"],
    create: (name) => ["kv", "namespace", "create", name],
    find(account, name) {
      return account.json(this.lookup()).find(({ title }) => title === name)?.id ?? null;
    },
    has(account, id) {
      return account.json(this.lookup()).some((namespace) => namespace.id === id);
    },
  },
  "D1 database": {
    lookup: () => ["d1", "list", "--json"],
    create: (name) => ["d1", "create", name],
    find(account, name) {
      return account.json(this.lookup()).find((database) => database.name === name)?.uuid ?? null;
    },
    has(account, id) {
      return account.json(this.lookup()).some(({ uuid }) => uuid === id);
    },
  },
  "R2 bucket": {
    lookup: () => ["r2", "bucket", "list"],
    create: (name) => ["r2", "bucket", "create", name],
    // Wrangler lists only an account's first buckets: one of ours may be missing.
    taken: /already exists, and you own it/,
    find(account, name) {
      const names = [...account.run(this.lookup()).matchAll(/^name:\s*(.*)$/gm)].map(([, found]) => found.trim());
      return names.includes(name) ? name : null;
    },
  },
};

/** What an environment needs: each resource's kind and name, and where the file holds its ID and which, if it does. */
function needs(env) {
  return [
    ...queues(env).map((name) => ({ kind: "queue", name })),
    ...env.kv_namespaces.map(({ binding, id }) => ({
      kind: "KV namespace",
      // The file has no name for a namespace.
      name: `${env.name}-${binding.toLowerCase()}`,
      place: { table: "kv_namespaces", binding, key: "id" },
      id,
    })),
    ...env.d1_databases.map(({ binding, database_name: name, database_id: id }) => ({
      kind: "D1 database",
      name,
      place: { table: "d1_databases", binding, key: "database_id" },
      id,
    })),
    ...(env.r2_buckets ?? []).map(({ bucket_name: name }) => ({ kind: "R2 bucket", name })),
  ];
}

/** Sets what a resource should be like. What a plan doesn't allow is said, and stays as it is. */
function settle(account, { kind, name }) {
  const { set, refused } = kinds[kind];
  if (!set) return;
  const done = account.run(set(name), refused) !== null;
  const days = RETENTION_S / 86_400;
  say(done
    ? `${kind} ${name}: keeps messages for ${days} days`
    : `${kind} ${name}: this account may not keep messages for ${days} days (the free plan keeps them for one): what ` +
      "waits longer for D1 is lost. See docs/operations.md, \"The slow lane\"");
}

/** Finds or makes a resource; gives its ID. */
function provide(account, { kind, name, place, id }) {
  const how = kinds[kind];
  if (place && !isPlaceholder(id)) {
    if (!how.has(account, id)) {
      throw new Refusal(`${place.binding} has the ID ${id}, but this account has no such ${kind}. If the account is ` +
        `right, put zeros there and run again`);
    }
    say(`${kind} of ${place.binding}: the file has its ID`);
    return id;
  }
  const found = how.find(account, name);
  if (found) {
    say(`${kind} ${name}: is there`);
    return found;
  }
  const made = account.run(how.create(name), how.taken);
  say(`${kind} ${name}: ${made === null ? "is there" : "created"}`);
  if (!place) return name;
  const fresh = how.find(account, name);
  if (!fresh) throw new Refusal(`${kind} ${name} was created but isn't listed yet: run again in a minute`);
  return fresh;
}

/** `text` with the ID of one binding set, all else as it stands. */
function withId(text, env, { table, binding, key }, id) {
  const header = `[[env.${env}.${table}]]`;
  const sections = text.split(/^(?=\[)/m);
  const index = sections.findIndex(
    (section) => section.startsWith(header) && new RegExp(`^binding\\s*=\\s*"${binding}"`, "m").test(section),
  );
  const line = new RegExp(`^(${key}\\s*=\\s*)"[^"]*"`, "m");
  if (index < 0 || !line.test(sections[index])) {
    throw new Refusal(`${binding}: found no line for its ID. Put ${key} = "${id}" under ${header} by hand`);
  }
  sections[index] = sections[index].replace(line, `$1"${id}"`);
  return sections.join("");
}

function writeId(env, place, id) {
  const text = readFileSync(CONFIG, "utf8");
  const changed = withId(text, env, place, id);
  if (changed === text) return;
  // Never half a file, whenever this is interrupted.
  writeFileSync(`${CONFIG}.part`, changed);
  renameSync(`${CONFIG}.part`, CONFIG);
  say(`${place.binding}: ID ${id} written to wrangler.toml`);
}

function printCommands(account, resources) {
  console.log(account.command(whoami).join(" "));
  for (const { kind, name } of resources) {
    console.log(account.command(kinds[kind].lookup(name)).join(" "));
    console.log(`${account.command(kinds[kind].create(name)).join(" ")}  # unless ${name} is there`);
    if (kinds[kind].set) console.log(account.command(kinds[kind].set(name)).join(" "));
  }
}

function printNextSteps(env) {
  console.log(`\nNext: make deploy ENV=${env}\nThen the secrets; the collector's own routes stay closed without them:`);
  for (const [name, what] of Object.entries(SECRETS)) {
    console.log(`  npx wrangler secret put ${name} --env ${env}   # ${what}`);
  }
  console.log("A good one: openssl rand -hex 32");
}

function main() {
  const { values, positionals } = parseArgs({ options: { "dry-run": { type: "boolean" } }, allowPositionals: true });
  if (positionals.length > 1) throw new Refusal(`one environment at a time, not ${positionals.join(" ")}`);
  const [env] = positionals;
  const resources = needs(environment(env));
  const account = new Account(env);
  if (values["dry-run"]) {
    printCommands(account, resources);
  } else {
    checkLogin(account);
    for (const resource of resources) {
      const id = provide(account, resource);
      settle(account, resource);
      if (resource.place) writeId(env, resource.place, id);
    }
  }
  printNextSteps(env);
}

try {
  main();
} catch (error) {
  const wrongUse = error.code?.startsWith("ERR_PARSE_ARGS");
  if (!(error instanceof Refusal) && !wrongUse) throw error;
  const [message] = wrongUse ? error.message.split(". ") : [error.message];
  console.error(`provision: ${message}${wrongUse ? "; usage: scripts/provision ENV [--dry-run]" : ""}`);
  process.exitCode = 1;
}
