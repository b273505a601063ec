// docs/openapi.json as a client and a judge: makes requests by it, and holds their answers against it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import Ajv2020 from "ajv/dist/2020.js";

export const document = JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8"));

const formats = { date: (text) => !Number.isNaN(Date.parse(text)) };
const ajv = new Ajv2020({ allErrors: true, strict: false, formats });
ajv.addSchema(document, "openapi");

const resolve = (node) => {
  if (!node?.$ref) return node;
  return resolve(node.$ref.slice(2).split("/").reduce((at, name) => at[name], document));
};

/** Where a node that may be a reference really is, as a pointer. */
const placeOf = (node, pointer) => (node?.$ref ? node.$ref.slice(1) : pointer);

const escaped = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");

/** All operations. */
export const operations = Object.entries(document.paths).flatMap(([route, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    id: operation.operationId,
    method: method.toUpperCase(),
    route,
    pointer: `/paths/${escaped(route)}/${method}`,
    parameters: (operation.parameters ?? []).map((node) => {
      const parameter = resolve(node);
      return { ...parameter, schema: resolve(parameter.schema) };
    }),
    responses: operation.responses,
    security: operation.security,
    body: operation.requestBody,
  })),
);

/** A function that throws unless a value is what the schema at this place says. */
export function validator(pointer) {
  const validate = ajv.getSchema(`openapi#${encodeURI(pointer)}`);
  assert.ok(validate, `no schema at ${pointer}`);
  return (value) => {
    if (validate(value)) return;
    const errors = validate.errors.slice(0, 8).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
    assert.fail(`${pointer}:\n${errors.join("\n")}\n${JSON.stringify(value).slice(0, 2_000)}`);
  };
}

/** Something for a parameter of a path that is not given. */
const FILLER = {
  path: "/none", id: "1730956800000-00000000", window: "hour:1730955600000", day: "2024-11-07",
  part: "part-0000.ndjson.gz", key: "collector",
};

/**
 * Makes a request of this operation and holds the answer against the document. `path`, `query` and `headers` are
 * parameters by name; `body` is sent as JSON, `form` as a form, `text` as it is.
 * @typedef {Record<string, string>} Fields
 * @typedef {{ path?: Fields, query?: Fields, headers?: Fields, body?: unknown, form?: Fields, text?: string, ip?: string }} How
 * @param {any} gateway
 * @param {string} id
 * @param {How} [how]
 */
export async function call(gateway, id, { path = {}, query = {}, headers = {}, body, form, text, ip } = {}) {
  const operation = operations.find((one) => one.id === id);
  assert.ok(operation, `no operation ${id}`);
  const fill = (_, name) => encodeURIComponent(path[name] ?? FILLER[name]);
  const filled = operation.route.replaceAll(/\{([^}]+)\}/g, fill);
  const route = Object.keys(query).length ? `${filled}?${new URLSearchParams(query)}` : filled;
  const content = form ? new URLSearchParams(form) : (text ?? (body && JSON.stringify(body)));
  const response = await gateway.request(route, { method: operation.method, headers, body: content, ip });
  const shown = `${operation.method} ${route} answers ${response.status}`;
  const bytes = Buffer.from(await response.arrayBuffer());
  const answer = { status: response.status, headers: response.headers, bytes };
  const documented = operation.responses[response.status];
  assert.ok(documented, `${shown}, which is not documented: ${bytes.toString().slice(0, 500)}`);
  const { content: contents, headers: promised = {} } = resolve(documented);
  const pointer = placeOf(documented, `${operation.pointer}/responses/${response.status}`);
  for (const [name, header] of Object.entries(promised)) {
    const value = response.headers.get(name);
    const judge = validator(`${placeOf(header, `${pointer}/headers/${name}`)}/schema`);
    if (value !== null) judge(name === "Retry-After" ? Number(value) : value);
    assert.ok(value !== null || name === "Set-Cookie", `${shown} without ${name}`);
  }
  if (!contents) {
    assert.equal(bytes.length, 0, shown);
    return answer;
  }
  const type = response.headers.get("Content-Type")?.split(";")[0];
  assert.ok(contents[type], `${shown} as ${type}, which is not documented`);
  if (/json$/.test(type)) {
    answer.body = JSON.parse(bytes.toString());
    validator(`${pointer}/content/${escaped(type)}/schema`)(answer.body);
  }
  return answer;
}
