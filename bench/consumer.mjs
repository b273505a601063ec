// The consumer's time for a batch, by itself: `make verify` puts it into its report.
import { mkdir, writeFile } from "node:fs/promises";

import { consumerTime } from "./new_path.mjs";
import { project } from "./runtime.mjs";

const ROUNDS = 8;

const { ms, complaints } = await consumerTime({ run: `${Date.now().toString(36)}-verify`, rounds: ROUNDS });
await mkdir(project("target/bench"), { recursive: true });
await writeFile(project("target/bench/consumer.json"), `${JSON.stringify({ ms, rounds: ROUNDS })}\n`);
console.log(`consumer: ${ms} ms for 100 messages of 50 events each`);
if (complaints.length) throw new Error(complaints.join("\n"));
