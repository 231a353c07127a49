// What runs in Node and in a page alike: pocketsr's module and onnxruntime-web on one picture, a round of frames each.

/** Frames of one round before those that are timed: caches are another runtime's by then. */
const WARM = 2;
/** Frames before the first round: V8 compiles what runs often once more, better. */
const FIRST = 12;

/** @returns {Promise<{runtime: string, settings: string, run: () => Promise<Uint8Array>}>} */
export async function ours(job, loader) {
  const engine = await loader.load();
  const [width, height] = job.size;
  return {
    runtime: "pocketsr-wasm",
    settings: engine.facts.modules.relaxed && loader.features().relaxed ? "relaxed SIMD" : "SIMD",
    run: async () => engine.upscale(job.picture, width, height),
  };
}

/** Both ways to feed 8 bits: converted in the graph, and in JavaScript. The faster one is kept. */
export async function onnxruntime(job, ort, clock) {
  ort.env.wasm.numThreads = 1;
  const [width, height] = job.size;
  const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };
  const inside = await ort.InferenceSession.create(job.inside, options);
  const outside = await ort.InferenceSession.create(job.outside, options);
  const floats = new Float32Array(job.picture.length);
  const levels = new Uint8ClampedArray(job.picture.length * job.scale ** 2); // rounds and clips
  const [down, up] = [job.max_value / 255, 255 / job.max_value];
  const shape = [1, 1, height, width];
  const ways = [
    {
      settings: "uint8 in the graph",
      run: async () => {
        const feeds = { [inside.inputNames[0]]: new ort.Tensor("uint8", job.picture, shape) };
        return (await inside.run(feeds))[inside.outputNames[0]].data;
      },
    },
    {
      settings: "uint8 by JavaScript",
      run: async () => {
        for (let i = 0; i < floats.length; i++) floats[i] = job.picture[i] * down;
        const feeds = { [outside.inputNames[0]]: new ort.Tensor("float32", floats, shape) };
        const out = (await outside.run(feeds))[outside.outputNames[0]].data;
        for (let i = 0; i < out.length; i++) levels[i] = out[i] * up;
        return levels;
      },
    },
  ];
  for (const way of ways) way.ms = Math.min(...(await timed(way, 5, clock)));
  const best = ways[0].ms <= ways[1].ms ? ways[0] : ways[1];
  return { runtime: "onnxruntime-web", settings: best.settings, run: best.run };
}

/** Milliseconds of `frames` runs, after some that are not counted. */
export async function timed(contender, frames, clock) {
  for (let i = 0; i < WARM; i++) await contender.run();
  const times = [];
  for (let i = 0; i < frames; i++) {
    const start = clock();
    await contender.run();
    times.push(clock() - start);
  }
  return times;
}

export async function warm(contender) {
  for (let i = 0; i < FIRST; i++) await contender.run();
  await new Promise((done) => setTimeout(done, 300)); // the better code comes from another thread
  return Uint8Array.from(await contender.run());
}
