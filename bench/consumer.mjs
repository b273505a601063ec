// The consumer's time for a batch, by itself: `make verify` puts it into its report.
import { mkdir, writeFile } from "node:fs/promises";

import { consumerTime } from "./new_path.mjs";
import { planOf } from "./plan.mjs";
import { project } from "./runtime.mjs";

const { ms, times, complaints } = await consumerTime({ run: `verify-${Date.now()}`, plan: planOf(["--quick"]) });
await mkdir(project("target/bench"), { recursive: true });
await writeFile(project("target/bench/consumer.json"), `${JSON.stringify({ ms, rounds: times.length })}\n`);
console.log(`consumer: ${ms} ms for 100 messages of 50 events each`);
if (complaints.length) throw new Error(complaints.join("\n"));
