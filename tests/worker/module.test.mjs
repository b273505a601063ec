// The built module itself: what an engine must know to compile it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

test("an engine without proposals that are still young compiles the module", async () => {
  const bytes = await readFile(new URL("../../build/index_bg.wasm", import.meta.url));
  // The pinned Node's engine. It throws where it meets an encoding that it doesn't know.
  const module = await WebAssembly.compile(bytes);
  assert.ok(WebAssembly.Module.exports(module).some(({ name }) => name === "fetch"));
});
