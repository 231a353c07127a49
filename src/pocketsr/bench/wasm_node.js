// node wasm_node.js JOB.json: answers each line "frames" with a line of times; the first answer says what takes part.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { createInterface } from "node:readline";
import { onnxruntime, ours, timed, warm } from "./wasm_rounds.js";

const job = JSON.parse(readFileSync("job.json", "utf8"));
// Processor time of this thread (Node 23.9 and later), or of the process. Linux accounts a running thread at its timer's
// ticks only, 4 ms apart, unless the process's own usage is asked for, which brings this thread's up to date
// (findings/node-thread-cpu-usage-stands-between-ticks.sh).
const clock = () => {
  const whole = process.cpuUsage();
  const { user, system } = process.threadCpuUsage ? process.threadCpuUsage() : whole;
  return (user + system) / 1000;
};
for (const file of ["picture", "inside", "outside"]) job[file] = new Uint8Array(readFileSync(`${file}.bin`));

const contenders = [await ours(job, await import(`./${job.name}.js`))];
const absent = [];
const versions = { "pocketsr-wasm": null };
if (job.node_modules) {
  try {
    const find = createRequire(`${job.node_modules}/x.js`);
    const ort = await import(pathToFileURL(find.resolve("onnxruntime-web")).href);
    versions["onnxruntime-web"] = (ort.default ?? ort).env.versions.web;
    contenders.push(await onnxruntime(job, ort.default ?? ort, clock));
  } catch (error) {
    absent.push({ runtime: "onnxruntime-web", reason: String(error.message ?? error).split("\n")[0] });
  }
}
for (const each of contenders) writeFileSync(`${each.runtime}.node.out`, await warm(each));
const say = (value) => console.log(JSON.stringify(value));
say({
  contenders: contenders.map(({ runtime, settings }) => ({ runtime, settings, version: versions[runtime] })),
  absent,
  host_version: process.version,
});
for await (const line of createInterface({ input: process.stdin })) {
  const times = {};
  for (const each of contenders) times[each.runtime] = await timed(each, Number(line), clock);
  say(times);
}
