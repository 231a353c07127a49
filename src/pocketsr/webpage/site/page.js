// Made from web/ by `npm run page`: edit that.

// src/situation.ts
var Level = { PASS_THROUGH: 0, BICUBIC: 1, PHONE: 2, TINY: 3, SMALL: 4, MEDIUM: 5, QUALITY: 6 };
var LEVELS = Object.keys(Level).map((name) => name.toLowerCase());
var SERIOUS = 2;
var CRITICAL = 3;
var [BATTERY, LOW] = [1, 2];
var CONSTANTS = {
  enter_permille: 400,
  leave_permille: 800,
  warm_up_frames: 10,
  settle_frames: 2,
  hold_us: 5e6,
  wait_us: 1e7,
  longest_wait_us: 24e7,
  steady_us: 12e7,
  fault_us: 6e7,
  longest_fault_us: 6e8,
  step_us: 1e6,
  slack_us: 1e3,
  budget_us: 33333,
  shortest_budget_us: 1e3,
  longest_budget_us: 1e7,
  least_side: 32,
  most_side: 8192,
  most_pixels: 33554432,
  most_us_per_mpx: 1e7,
  most_us: 1e8,
  least_slow_permille: 250,
  most_slow_permille: 16e3,
  most_streams: 64
};
var C = CONSTANTS;
function clamp(value, least, most) {
  return Math.max(least, Math.min(value, most));
}
function whole(value, name) {
  if (typeof value !== "number" || !Number.isInteger(value)) throw new TypeError(`${name} is ${value}: an integer is expected`);
  const most = Number.MAX_SAFE_INTEGER;
  return clamp(value, -most, most);
}
function sane(s) {
  const of = (name, otherwise = 0) => whole(s[name] ?? otherwise, name);
  const given = of("budget_us");
  const budget = given > 0 ? clamp(given, C.shortest_budget_us, C.longest_budget_us) : C.budget_us;
  const deadline = of("deadline_us") > 0 ? of("deadline_us") : of("now_us") + budget;
  const [width, height] = [of("width"), of("height")];
  const pressure = clamp(of("pressure"), 0, CRITICAL);
  const [cap, why] = capOf(width, height, pressure, of("power"));
  return {
    deadline,
    budget,
    pixels: clamp(width, 0, C.most_side) * clamp(height, 0, C.most_side),
    queue: Math.max(of("queue"), 0),
    streams: clamp(of("streams", 1), 1, C.most_streams),
    pressure,
    serious: pressure >= SERIOUS,
    still: of("static") > 0,
    cap,
    why
  };
}
function capOf(width, height, pressure, power) {
  const [shorter, longer] = [Math.min(width, height), Math.max(width, height)];
  if (shorter < 1) return [Level.PASS_THROUGH, "size too small"];
  if (longer > C.most_side || width * height > C.most_pixels) return [Level.PASS_THROUGH, "size too large"];
  if (power >= LOW) return [Level.PASS_THROUGH, "battery"];
  if (shorter < C.least_side) return [Level.BICUBIC, "size too small"];
  if (pressure === CRITICAL) return [Level.BICUBIC, "over budget"];
  if (power === BATTERY) return [Level.TINY, "battery"];
  return [Level.QUALITY, "none"];
}

// src/governor.ts
var C2 = CONSTANTS;
var IDLE = 1e3;
var divided = (a, b) => Math.floor(a / b);
var Governor = class {
  level = Level.PASS_THROUGH;
  /** how many thousandths of an idle machine's time frames take now */
  slow = IDLE;
  #costs;
  #clock = 0;
  #now;
  #warm = C2.warm_up_frames;
  #settle = C2.settle_frames;
  #changed = 0;
  #raised = -C2.steady_us;
  #wait = C2.wait_us;
  #calm;
  #goal = Level.PASS_THROUGH;
  #strike = -C2.hold_us - 1;
  #late = false;
  #ratios = [IDLE, IDLE];
  #faults;
  #closed;
  #frame;
  /** @param usPerMpx microseconds for a million pixels of input, of each level in their order; 0: it isn't there */
  constructor(usPerMpx) {
    if (usPerMpx.length !== LEVELS.length)
      throw new RangeError(`${LEVELS.length} costs are expected`);
    this.#costs = usPerMpx.map((cost) => clamp(whole(cost, "usPerMpx"), 0, C2.most_us_per_mpx));
    for (let level = LEVELS.length - 1, least = Infinity; level > Level.BICUBIC; level--) {
      const cost = this.#costs[level] ?? 0;
      if (cost < least) least = cost || least;
      else this.#costs[level] = 0;
    }
    this.#faults = LEVELS.map(() => 0);
    this.#closed = LEVELS.map(() => 0);
  }
  /** What makes the next frame. */
  begin(situation) {
    this.#advance(whole(situation.now_us, "now_us"));
    this.#frame = void 0;
    const s = sane(situation);
    const before = this.level;
    const fit = this.#fit(s, s.cap);
    if (this.#warm >= 0) {
      this.#warm -= 1;
      this.level = this.#warm >= 0 ? this.#fit(s, Math.min(s.cap, Level.BICUBIC)) : fit;
      if (this.#warm < 0) this.#change(fit);
    } else this.#govern(s, s.cap, fit);
    this.#late = false;
    if (s.still && this.#warm < 0 && this.level === before) return { level: this.level, reason: "static" };
    const most = divided(s.budget * C2.leave_permille, 1e3 * s.streams);
    this.#frame = { begun: situation.now_us, deadline: s.deadline, most, predicted: this.#predicted(this.level, s) };
    return { level: this.level, reason: this.#warm >= 0 ? "warm up" : this.#reason(s, s.cap, s.why) };
  }
  /** The frame is done, or failed. Nothing is learnt from frames that this isn't called for. */
  end(nowUs, fault = false) {
    this.#advance(whole(nowUs, "nowUs"));
    const frame = this.#frame;
    if (frame === void 0) return;
    this.#frame = void 0;
    if (fault) this.#close(this.level);
    else if (this.#settle > 0) this.#settle -= 1;
    else if (nowUs >= frame.begun) {
      const took = Math.min(nowUs - frame.begun, C2.most_us);
      this.#late = nowUs > frame.deadline && took > frame.most;
      this.#learn(took, frame.predicted);
    }
  }
  #advance(now) {
    if (this.#now !== void 0) this.#clock += clamp(now - this.#now, 0, C2.step_us);
    this.#now = now;
  }
  #learn(took, predicted) {
    let ratio = IDLE;
    if (predicted > 0) {
      ratio = divided((took + C2.slack_us) * 1e3, predicted + C2.slack_us);
      ratio = clamp(ratio, C2.least_slow_permille, C2.most_slow_permille);
    }
    this.#ratios = [this.#ratios[1], ratio];
    this.slow = divided(7 * this.slow + Math.min(ratio, 2 * this.slow) + 4, 8);
  }
  #close(level) {
    if (level === Level.PASS_THROUGH) return;
    const faults = this.#faults[level] ?? 0;
    this.#faults[level] = faults + 1;
    this.#closed[level] = this.#clock + Math.min(C2.fault_us * 2 ** Math.min(faults, 8), C2.longest_fault_us);
  }
  #govern(s, cap, fitting) {
    let fit = fitting;
    const struck = this.#struck(s);
    if (struck) {
      this.slow = Math.max(this.slow, Math.min(...this.#ratios));
      fit = this.#fit(s, Math.min(cap, Math.max(this.level - 1, 0)));
    }
    const tooMuch = this.#load(this.level, s, this.slow) > C2.leave_permille;
    if (this.level !== Level.PASS_THROUGH && (struck || tooMuch || this.level > cap || this.#isClosed(this.level))) {
      const lasted = this.#clock - this.#raised;
      this.#wait = lasted < C2.steady_us ? Math.min(2 * this.#wait, C2.longest_wait_us) : C2.wait_us;
      this.#change(fit);
    } else if (fit <= this.level || s.serious) this.#calm = void 0;
    else {
      if (this.#calm === void 0) {
        this.#calm = this.#clock;
        this.#goal = fit;
      }
      this.#goal = Math.min(this.#goal, fit);
      if (this.#clock - this.#calm >= this.#wait && this.#clock - this.#changed >= C2.hold_us) {
        this.#raised = this.#clock;
        this.#change(this.#goal);
      }
    }
  }
  /** Whether a second frame is late, or was dropped, within the time of a hold. */
  #struck(s) {
    if (this.#settle > 0 || !(this.#late || s.queue > 0)) return false;
    const before = this.#strike;
    this.#strike = this.#clock;
    return this.#clock - before <= C2.hold_us;
  }
  #change(level) {
    this.level = level;
    this.#changed = this.#clock;
    this.#calm = void 0;
    this.#settle = C2.settle_frames;
    this.#strike = -C2.hold_us - 1;
  }
  #predicted(level, s) {
    return Math.min(divided((this.#costs[level] ?? 0) * s.pixels, 1e6), C2.most_us);
  }
  /** Thousandths of the budget. */
  #load(level, s, slow, streams = s.streams) {
    return divided(this.#predicted(level, s) * slow * streams, s.budget);
  }
  #isClosed(level) {
    return this.#clock < (this.#closed[level] ?? 0);
  }
  /** The best level that may be entered. */
  #fit(s, cap) {
    for (let level = LEVELS.length - 1; level > 0; level--) {
      const each = level;
      const there = each <= cap && (this.#costs[each] ?? 0) > 0 && !this.#isClosed(each);
      if (there && this.#load(each, s, this.slow) <= C2.enter_permille) return each;
    }
    return Level.PASS_THROUGH;
  }
  #reason(s, cap, why) {
    let better = this.level + 1;
    while (better < LEVELS.length && (this.#costs[better] ?? 0) === 0) better += 1;
    if (better >= LEVELS.length) return "none";
    if (better > cap) return why;
    const level = better;
    if (this.#isClosed(level)) return "fault";
    const idle = this.#load(level, s, Math.min(this.slow, IDLE), 1);
    return idle > C2.enter_permille ? "size too large" : "over budget";
  }
};

// src/bicubic.ts
var A = -0.5;
function weight(distance) {
  const x = Math.abs(distance);
  if (x < 1) return (A + 2) * x ** 3 - (A + 3) * x ** 2 + 1;
  if (x < 2) return A * x ** 3 - 5 * A * x ** 2 + 8 * A * x - 4 * A;
  return 0;
}
function phases(scale, shift) {
  return Array.from({ length: scale }, (_, p) => {
    const at = (p + 0.5) / scale - 0.5 + shift;
    const first = Math.floor(at) - 1;
    return { first, weights: [0, 1, 2, 3].map((i) => weight(at - first - i)) };
  });
}
function bicubic(plane, width, height, scale = 2, shiftX = 0, shiftY = 0, scaleY = scale) {
  const row = width * scale;
  const wide = new Float32Array(row * height);
  const across = phases(scale, shiftX);
  const border = scale + 4;
  const padded = new Float32Array(width + 2 * border);
  for (let y = 0; y < height; y++) {
    const from = y * width;
    padded.fill(plane[from], 0, border);
    padded.set(plane.subarray(from, from + width), border);
    padded.fill(plane[from + width - 1], border + width);
    for (let p = 0; p < scale; p++) {
      const { first, weights } = across[p];
      const [a, b, c, d] = weights;
      for (let x = 0, i = border + first, to = y * row + p; x < width; x++, i++, to += scale)
        wide[to] = a * padded[i] + b * padded[i + 1] + c * padded[i + 2] + d * padded[i + 3];
    }
  }
  const out = new Uint8ClampedArray(row * height * scaleY);
  const down = phases(scaleY, shiftY);
  for (let y = 0; y < height; y++)
    for (let p = 0; p < scaleY; p++) {
      const { first, weights } = down[p];
      const [a, b, c, d] = weights;
      const place = (i) => Math.min(height - 1, Math.max(0, y + first + i)) * row;
      const [r0, r1, r2, r3] = [place(0), place(1), place(2), place(3)];
      const to = (y * scaleY + p) * row;
      for (let x = 0; x < row; x++)
        out[to + x] = a * wide[r0 + x] + b * wide[r1 + x] + c * wide[r2 + x] + d * wide[r3 + x];
    }
  return out;
}

// src/colour.ts
var SHARES = { bt709: [0.2126, 0.0722], "bt2020-ncl": [0.2627, 0.0593] };
function matrixOf(matrix, full) {
  const [kr, kb] = SHARES[matrix ?? ""] ?? [0.299, 0.114];
  const [gain, chroma] = full ? [1, 1] : [255 / 219, 255 / 224];
  const [red, blue, kg] = [2 * (1 - kr) * chroma, 2 * (1 - kb) * chroma, 1 - kr - kb];
  return { black: full ? 0 : 16, gain, red, greenCb: -kb / kg * blue, greenCr: -kr / kg * red, blue };
}
function toPlanes(pixels, order = [0, 1, 2]) {
  const size = pixels.length / 4;
  const [red, green, blue] = [order[0], order[1], order[2]];
  const [y, cb, cr] = [new Uint8ClampedArray(size), new Uint8ClampedArray(size), new Uint8ClampedArray(size)];
  for (let i = 0; i < size; i++) {
    const [r, g, b] = [pixels[4 * i + red], pixels[4 * i + green], pixels[4 * i + blue]];
    y[i] = 0.299 * r + 0.587 * g + 0.114 * b;
    cb[i] = 128 - 0.168736 * r - 0.331264 * g + 0.5 * b;
    cr[i] = 128 + 0.5 * r - 0.418688 * g - 0.081312 * b;
  }
  return { y, cb, cr };
}
function toPixels(planes, alpha, matrix = matrixOf(null, true)) {
  const size = planes.y.length;
  const { black, gain, red, greenCb, greenCr, blue } = matrix;
  const out = new Uint8ClampedArray(4 * size);
  for (let i = 0; i < size; i++) {
    const [y, cb, cr] = [gain * (planes.y[i] - black), planes.cb[i] - 128, planes.cr[i] - 128];
    out[4 * i] = y + red * cr;
    out[4 * i + 1] = y + greenCb * cb + greenCr * cr;
    out[4 * i + 2] = y + blue * cb;
    out[4 * i + 3] = alpha?.[i] ?? 255;
  }
  return out;
}

// src/engine.js
var PAGE = 65536;
var MOST = 2 ** 32 - PAGE;
var LARGEST = 32768;
var SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
var RELAXED = [
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  96,
  0,
  1,
  123,
  3,
  2,
  1,
  0,
  10,
  15,
  1,
  13,
  0,
  65,
  1,
  253,
  15,
  65,
  2,
  253,
  15,
  253,
  128,
  2,
  11
];
function features() {
  if (typeof WebAssembly !== "object") return { simd: false, relaxed: false };
  const simd = WebAssembly.validate(new Uint8Array(SIMD));
  return { simd, relaxed: simd && WebAssembly.validate(new Uint8Array(RELAXED)) };
}
async function bytesOf(url) {
  if (url.protocol === "file:" && typeof process === "object") {
    const { readFile } = await import("node:fs/promises");
    return new Uint8Array(await readFile(url)).buffer;
  }
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}
async function compile(facts2, base2, options = {}) {
  const found = features();
  if (!found.simd) throw new Error("no WebAssembly with SIMD here");
  const relaxed = options.relaxed ?? true;
  const file2 = relaxed && found.relaxed && facts2.modules.relaxed ? facts2.modules.relaxed : facts2.modules.plain;
  return WebAssembly.compile(await bytesOf(new URL(file2, base2)));
}
var Engine = class {
  /**
   * @param {WebAssembly.Module} module
   * @param {Facts} facts
   */
  constructor(module, facts2) {
    this.facts = facts2;
    this._exports = /** @type {any} */
    new WebAssembly.Instance(module, {}).exports;
    this._base = this._exports.memory.buffer.byteLength;
    this._width = 0;
    this._height = 0;
    this._output = 0;
    this._scratch = 0;
  }
  /** Bytes that the instance holds. */
  get bytes() {
    return this._exports.memory.buffer.byteLength;
  }
  /**
   * Bands of a frame; each can be made by any instance, and the result doesn't depend on which.
   * @param {number} height
   * @returns {number}
   */
  bands(height) {
    return this._exports.bands(height);
  }
  /**
   * Which rows of the result bands [first, last) are.
   * @param {number} first
   * @param {number} last
   * @param {number} height of the frame that comes in
   * @returns {[number, number]}
   */
  rows(first, last, height) {
    const { rows, delay } = this.facts.band;
    const end = height * this.facts.scale;
    return [Math.min(end, Math.max(0, rows * first - delay)), Math.min(end, Math.max(0, rows * last - delay))];
  }
  /**
   * Room for frames of this size. Memory grows where they are larger than all before, and never otherwise.
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    if (width === this._width && height === this._height) return;
    for (const side of [width, height])
      if (!Number.isInteger(side) || side < 1 || side > LARGEST)
        throw new RangeError(`${width}x${height} pixels: sides of 1 to ${LARGEST} are expected`);
    const { scale, channels } = this.facts;
    const samples = width * height * channels;
    const output = this._base + Math.ceil(samples / 64) * 64;
    const scratch = output + Math.ceil(samples * scale * scale / 64) * 64;
    const end = scratch + (this._exports.scratch(width) >>> 0);
    if (end > MOST) throw new RangeError(`${width}x${height} pixels need ${Math.ceil(end / 2 ** 30)} GB of memory`);
    const missing = end - this.bytes;
    if (missing > 0) this._exports.memory.grow(Math.ceil(missing / PAGE));
    [this._width, this._height, this._output, this._scratch] = [width, height, output, scratch];
  }
  /** The frame that comes in, in place: rows and planes without gaps. Ask again after `resize`. */
  get input() {
    const size = this._width * this._height * this.facts.channels;
    return new Uint8Array(this._exports.memory.buffer, this._base, size);
  }
  /** The result in place, until the next `run`. Ask again after `resize`. */
  get output() {
    const size = this._width * this._height * this.facts.channels * this.facts.scale ** 2;
    return new Uint8Array(this._exports.memory.buffer, this._output, size);
  }
  /**
   * Makes bands [first, last) of `output` from `input`.
   * @param {number} [first]
   * @param {number} [last]
   * @param {number} [strength] how degraded the frame is, 0 (clean) to 1, for a network that is told
   */
  run(first = 0, last = this.bands(this._height), strength) {
    const [w, h, s] = [this._width, this._height, this.facts.scale];
    const given = [this._base, w, w * h, this._output, s * w, s * s * w * h, w, h, first, last, this._scratch];
    if (strength === void 0) {
      this._exports.u8(...given);
      return;
    }
    if (!this.facts.strengths) throw new RangeError(`${this.facts.name} takes no strength`);
    if (!(strength >= 0 && strength <= 1)) throw new RangeError(`strength ${strength}: 0 to 1 is expected`);
    this._exports.u8_at(...given, 0, 0, 0, strength);
  }
  /**
   * A frame, enlarged. The result is a view of the instance's memory, good until the next call: copy what is kept.
   * @param {Uint8Array | Uint8ClampedArray} samples planes without gaps
   * @param {number} width
   * @param {number} height
   * @param {number} [strength] as for `run`
   * @returns {Uint8Array}
   */
  upscale(samples, width, height, strength) {
    const expected = width * height * this.facts.channels;
    if (samples.length !== expected) throw new RangeError(`${samples.length} samples: ${expected} are expected`);
    this.resize(width, height);
    this.input.set(samples);
    this.run(void 0, void 0, strength);
    return this.output;
  }
};

// src/frame.ts
var ORDERS = { RGBA: [0, 1, 2], RGBX: [0, 1, 2], BGRA: [2, 1, 0], BGRX: [2, 1, 0] };
var SUBSAMPLING = { I420: [2, 2], NV12: [2, 2], I422: [2, 1], I444: [1, 1] };
function tight(data, layout, width, height, step = 1, first = 0) {
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = layout.offset + y * layout.stride + first;
    if (step === 1) out.set(data.subarray(from, from + width), y * width);
    else for (let x = 0; x < width; x++) out[y * width + x] = data[from + x * step];
  }
  return out;
}
async function samplesOf(frame) {
  const { width, height } = frame.visibleRect;
  const format = frame.format ?? "RGBA";
  const subsampling = SUBSAMPLING[format];
  if (subsampling === void 0) {
    const order = ORDERS[format];
    const options = order === void 0 || frame.format === null ? { format: "RGBA" } : {};
    const data2 = new Uint8Array(frame.allocationSize(options));
    const layout2 = await frame.copyTo(data2, options);
    const pixels = tight(data2, layout2[0], 4 * width, height);
    if (format.endsWith("X")) for (let i = 3; i < pixels.length; i += 4) pixels[i] = 255;
    return { kind: "pixels", data: pixels, order: order ?? ORDERS["RGBA"], width, height };
  }
  const data = new Uint8Array(frame.allocationSize());
  const layout = await frame.copyTo(data);
  const [ssx, ssy] = subsampling;
  const [chromaWidth, chromaHeight] = [Math.ceil(width / ssx), Math.ceil(height / ssy)];
  const chroma = (place) => format === "NV12" ? tight(data, layout[1], chromaWidth, chromaHeight, 2, place) : tight(data, layout[1 + place], chromaWidth, chromaHeight);
  return {
    kind: "planes",
    format: format === "NV12" ? "I420" : format,
    y: tight(data, layout[0], width, height),
    u: chroma(0),
    v: chroma(1),
    width,
    height,
    lumaWidth: width,
    lumaHeight: height,
    chromaWidth,
    chromaHeight,
    ssx,
    ssy,
    matrix: frame.colorSpace.matrix,
    full: frame.colorSpace.fullRange === true
  };
}
function planesOf(samples) {
  if (samples.kind === "planes") return samples;
  const { width, height } = samples;
  const { y, cb, cr } = toPlanes(samples.data, samples.order);
  const sizes = { width, height, lumaWidth: width, lumaHeight: height, chromaWidth: width, chromaHeight: height };
  return { kind: "planes", format: "I444", y, u: cb, v: cr, ...sizes, ssx: 1, ssy: 1, matrix: null, full: true };
}
function chromaShift(s, scale) {
  return s.ssx === 2 ? (1 - 1 / scale) / 4 : 0;
}
function frameOf(like, format, data, width, height) {
  const { rotation = 0, flip, displayWidth, displayHeight, visibleRect } = like;
  const scale = width / visibleRect.width;
  const [shownWidth, shownHeight] = rotation % 180 ? [displayHeight, displayWidth] : [displayWidth, displayHeight];
  const init = {
    format,
    codedWidth: width,
    codedHeight: height,
    timestamp: like.timestamp,
    duration: like.duration ?? void 0,
    rotation,
    flip,
    displayWidth: scale * shownWidth,
    displayHeight: scale * shownHeight
  };
  if (format !== "RGBA" || like.colorSpace.matrix === "rgb") init.colorSpace = like.colorSpace;
  return new VideoFrame(data, init);
}

// src/pool.ts
function isolated() {
  return typeof SharedArrayBuffer === "function" && globalThis.crossOriginIsolated === true;
}
var Pool = class {
  #workers = [];
  #engine;
  #closed = false;
  #module;
  #facts;
  #last = Promise.resolve();
  #waiting;
  #id = 0;
  #input;
  #output;
  constructor(module, facts2, count, makeWorker) {
    this.#module = module;
    this.#facts = facts2;
    try {
      if (makeWorker !== void 0) this.#workers = Array.from({ length: count }, makeWorker);
    } catch {
    }
    for (const worker of this.#workers) {
      worker.onmessage = ({ data }) => this.#done(data);
      worker.onerror = () => this.#alone();
      worker.postMessage({ kind: "start", module, facts: facts2 }, []);
    }
  }
  get workers() {
    return this.#workers.length;
  }
  /** The plane of `width * height` samples, enlarged. Frames are made in the order in which they come. */
  run(plane, width, height, strength) {
    const next = this.#last.then(() => this.#frame(plane, width, height, strength));
    this.#last = next.catch(() => void 0);
    return next;
  }
  close() {
    this.#closed = true;
    this.#alone();
  }
  /** Ends the workers. What waits for them is made here, if anything still is. */
  #alone() {
    for (const worker of this.#workers.splice(0)) worker.terminate();
    const waiting = this.#waiting;
    this.#waiting = void 0;
    waiting?.resolve(waiting.again());
  }
  async #frame(plane, width, height, strength) {
    if (this.#closed) throw new Error("closed");
    const count = this.#workers.length;
    if (count === 0) {
      this.#engine ??= new Engine(this.#module, this.#facts);
      return this.#engine.upscale(plane, width, height, strength).slice();
    }
    const scale = this.#facts.scale;
    const size = width * height * scale * scale;
    const shared = isolated();
    if (shared && this.#input?.byteLength !== width * height) {
      this.#input = new SharedArrayBuffer(width * height);
      this.#output = new SharedArrayBuffer(size);
    }
    const output = shared ? this.#output : void 0;
    if (shared) new Uint8Array(this.#input).set(plane);
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      const room = new Uint8Array(size);
      const again = () => this.#frame(plane, width, height, strength);
      this.#waiting = { left: count, output: room, row: width * scale, shared: output, again, resolve, reject };
      this.#workers.forEach((worker, index) => {
        const input = shared ? this.#input : plane.slice().buffer;
        const strip = { kind: "strip", id, input, output, width, height, index, count, strength };
        worker.postMessage(strip, shared ? [] : [input]);
      });
    });
  }
  #done(done) {
    const waiting = this.#waiting;
    if (waiting === void 0 || done.id !== this.#id) return;
    if (done.error !== void 0) {
      this.#waiting = void 0;
      waiting.reject(new Error(done.error));
      return;
    }
    if (done.rows !== void 0) waiting.output.set(new Uint8Array(done.rows), done.from * waiting.row);
    waiting.left -= 1;
    if (waiting.left > 0) return;
    this.#waiting = void 0;
    if (waiting.shared !== void 0) waiting.output.set(new Uint8Array(waiting.shared));
    waiting.resolve(waiting.output);
  }
};

// src/upscaler.ts
var Upscaler = class {
  /** @internal */
  constructor(name, scale, reason, pool) {
    this.name = name;
    this.scale = scale;
    this.reason = reason;
    this.pool = pool;
  }
  name;
  scale;
  reason;
  pool;
  /** How degraded pictures are, 0 (clean) to 1, for a network that is told; undefined: the network's default. */
  strength;
  get workers() {
    return this.pool?.workers ?? 0;
  }
  /** A luma plane without gaps. */
  async plane(plane, width, height) {
    if (plane.length !== width * height) throw new RangeError(`${plane.length} samples: ${width * height} are expected`);
    return this.pool?.run(plane, width, height, this.strength) ?? bicubic(plane, width, height, this.scale);
  }
  /** A picture. Its luma goes through the network, colour and transparency are enlarged by bicubic. */
  async imageData(image) {
    const { width, height } = image;
    const out = await this.rgba(image.data, width, height);
    return new ImageData(out, width * this.scale, height * this.scale, { colorSpace: image.colorSpace });
  }
  /** R, G, B and A, a byte each, as in ImageData. */
  async rgba(pixels, width, height, order = [0, 1, 2]) {
    const planes = toPlanes(pixels, order);
    const luma = this.plane(planes.y, width, height);
    const [cb, cr] = [planes.cb, planes.cr].map((plane) => bicubic(plane, width, height, this.scale));
    let alpha;
    if (pixels.some((value, i) => i % 4 === 3 && value < 255))
      alpha = bicubic(Uint8Array.from({ length: width * height }, (_, i) => pixels[4 * i + 3]), width, height, this.scale);
    return toPixels({ y: new Uint8ClampedArray((await luma).buffer), cb, cr }, alpha);
  }
  /**
   * A video frame: I420, NV12, I422, I444, or 4 bytes a pixel. The result has its times and its colours' tags; the caller
   * closes both.
   */
  async frame(frame) {
    const samples = await samplesOf(frame);
    const { width, height } = samples;
    if (samples.kind === "pixels")
      return frameOf(frame, "RGBA", await this.rgba(samples.data, width, height, samples.order), width * this.scale, height * this.scale);
    const luma = this.plane(samples.y, width, height);
    const chroma = [samples.u, samples.v].map(
      (plane) => bicubic(plane, samples.chromaWidth, samples.chromaHeight, this.scale, chromaShift(samples, this.scale))
    );
    return frameOf(frame, samples.format, joined(await luma, chroma, samples, this.scale), width * this.scale, height * this.scale);
  }
  /** Luma alone, for a `Screen`, which enlarges chroma itself. */
  async luma(samples) {
    const { width, height } = samples;
    return { ...samples, y: await this.plane(samples.y, width, height), width: width * this.scale, height: height * this.scale };
  }
  close() {
    this.pool?.close();
  }
};
function joined(luma, chroma, s, scale) {
  const [wide, high] = [Math.ceil(s.width * scale / s.ssx), Math.ceil(s.height * scale / s.ssy)];
  const out = new Uint8Array(luma.length + 2 * wide * high);
  out.set(luma);
  chroma.forEach((plane, i) => {
    for (let y = 0; y < high; y++) {
      const from = y * s.chromaWidth * scale;
      out.set(plane.subarray(from, from + wide), luma.length + (i * high + y) * wide);
    }
  });
  return out;
}
async function createUpscaler(network2 = "small", options = {}) {
  const name = String(network2);
  const named = /^[a-z0-9-]+$/i.test(name);
  let scale = Number(/-x([34])\b/.exec(name)?.[1] ?? 2);
  const instead = (why, error) => {
    if (options.fallback === false) throw error;
    return new Upscaler(name, scale, why, void 0);
  };
  const page = globalThis.location?.href ?? import.meta.url;
  const base2 = new URL(options.base ?? new URL("../networks/", import.meta.url), page);
  const address = named ? new URL(`${name}.json`, base2) : new URL(name, page);
  let facts2;
  let module;
  try {
    facts2 = JSON.parse(new TextDecoder().decode(await bytesOf(address)));
    if (facts2.scale > 0) scale = facts2.scale;
    module = await compile(facts2, address, { relaxed: options.relaxed ?? true });
  } catch (error) {
    return features().simd ? instead("not loaded", error) : instead("no simd", new Error("no SIMD"));
  }
  if (facts2.channels !== 1) return instead("not luma", new Error(`${name} takes no luma`));
  const cores = globalThis.navigator?.hardwareConcurrency ?? 2;
  const count = options.workers ?? Math.min(4, Math.max(1, cores - 1));
  let makeWorker = options.makeWorker;
  if (makeWorker === void 0 && typeof Worker === "function")
    makeWorker = () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  return new Upscaler(facts2.name, facts2.scale, "none", new Pool(module, facts2, count, count > 0 ? makeWorker : void 0));
}

// src/watch.ts
var LOW2 = 0.2;
var PRESSURES = ["nominal", "fair", "serious", "critical"];
function watch(live, onBattery) {
  const { navigator: navigator2, PressureObserver } = globalThis;
  if (onBattery !== "ignore")
    navigator2?.getBattery?.()?.then((battery) => {
      const told = () => {
        live.power = battery.charging ? 0 : onBattery === "pause" || battery.level < LOW2 ? 2 : 1;
      };
      told();
      for (const event of ["chargingchange", "levelchange"]) battery.addEventListener(event, told);
    }, () => void 0);
  if (PressureObserver === void 0) return;
  new PressureObserver((records) => {
    live.pressure = Math.max(0, PRESSURES.indexOf(records.at(-1)?.state ?? ""));
  }).observe("cpu", { sampleInterval: 2e3 }).catch(() => void 0);
}

// src/live.ts
var [PROBE_WIDTH, PROBE_HEIGHT] = [320, 180];
function levelOf(name) {
  const size = /^(photo|screen)$/.test(name) ? "small" : name.replace("steep-", "").split("-")[0];
  const level = LEVELS.indexOf(size);
  if (level <= Level.BICUBIC || /-x\d/.test(name)) throw new RangeError(`${name} is on no level`);
  return level;
}
var Live = class {
  /** @internal */
  constructor(ladder, costs, fps, why, always = false) {
    this.ladder = ladder;
    this.fps = fps;
    this.why = why;
    this.#governor = new Governor(costs);
    if (always) this.#always = Math.max(...ladder.keys());
  }
  ladder;
  fps;
  why;
  /** 0 mains, 1 battery, 2 low */
  power = 0;
  /** 0 nominal to 3 critical, as the Compute Pressure API tells */
  pressure = 0;
  #dropped = 0;
  #busy = false;
  #governor;
  #always;
  /** How degraded frames are, 0 (clean) to 1, for networks that are told; undefined: the networks' defaults. */
  set strength(strength) {
    for (const each of this.ladder.values()) each.strength = strength;
  }
  /** Whether a frame is being made: the next one would be dropped. */
  get busy() {
    return this.#busy;
  }
  /** The frame, enlarged, or itself; undefined where the last one is still being made. The caller closes frames. */
  next(frame) {
    const { width, height } = frame.visibleRect ?? { width: frame.codedWidth, height: frame.codedHeight };
    return this.#next(frame, width, height, (upscaler) => upscaler.frame(frame));
  }
  /** The same for a `Screen`: luma is enlarged, chroma isn't. */
  planes(samples) {
    return this.#next(samples, samples.width, samples.height, (upscaler) => upscaler.luma(samples));
  }
  async #next(frame, width, height, make) {
    if (this.#busy) {
      this.#dropped += 1;
      return void 0;
    }
    const asItIs = (reason) => ({ frame, level: Level.PASS_THROUGH, reason, ms: 0 });
    if (typeof document === "object" && document.visibilityState === "hidden") return asItIs("hidden");
    const begun = performance.now();
    const now = () => Math.round(performance.now() * 1e3);
    const situation = {
      now_us: now(),
      budget_us: Math.round(1e6 / clamp(this.fps || 30, 0.1, 1e3)),
      width,
      height,
      queue: this.#dropped,
      pressure: this.pressure,
      power: this.power
    };
    this.#dropped = 0;
    this.#busy = true;
    try {
      const { level, reason } = this.#always ? { level: this.#always, reason: "none" } : this.#governor.begin(situation);
      const upscaler = this.ladder.get(level);
      const made = upscaler ? await make(upscaler) : frame;
      this.#governor.end(now());
      return { frame: made, level, reason: reason === "none" ? this.why : reason, ms: performance.now() - begun };
    } catch {
      this.#governor.end(now(), true);
      return asItIs("fault");
    } finally {
      this.#busy = false;
    }
  }
  close() {
    for (const each of this.ladder.values()) each.close();
  }
};
async function createLive(options = {}) {
  const ladder = /* @__PURE__ */ new Map([[Level.BICUBIC, new Upscaler("bicubic", 2, "none", void 0)]]);
  let why = "none";
  const levels = (options.networks ?? ["tiny", "small"]).map((name) => [name, levelOf(name)]);
  for (const [name, level] of levels) {
    const upscaler = await createUpscaler(name, options);
    if (upscaler.reason !== "none") why = upscaler.reason;
    else {
      ladder.get(level)?.close();
      ladder.set(level, upscaler);
    }
  }
  const costs = LEVELS.map(() => 0);
  const blank = new Uint8Array(PROBE_WIDTH * PROBE_HEIGHT);
  for (const [level, upscaler] of ladder) {
    let start = 0;
    for (let i = -8; i < 3; i++) {
      if (i === 0) start = performance.now();
      await upscaler.plane(blank, PROBE_WIDTH, PROBE_HEIGHT);
    }
    costs[level] = Math.max(1, Math.round((performance.now() - start) / 3 * 1e9 / blank.length));
  }
  const live = new Live(ladder, costs, options.fps ?? 30, why, options.always);
  watch(live, options.onBattery ?? "tiny");
  return live;
}

// src/screen.ts
var VERTEX = `#version 300 es
void main() { gl_Position = vec4(gl_VertexID == 1 ? 3. : -1., gl_VertexID == 2 ? 3. : -1., 0., 1.); }`;
var FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D y, u, v;
uniform vec2 canvas, chroma;
uniform float shift;
uniform mat3 matrix;
uniform vec3 zero;
out vec4 colour;
vec4 weights(float t) {
  vec4 d = vec4(1. + t, t, 1. - t, 2. - t), d2 = d * d, d3 = d2 * d;
  vec4 near = 1.5 * d3 - 2.5 * d2 + 1., far = -.5 * d3 + 2.5 * d2 - 4. * d + 2.;
  return vec4(far.x, near.y, near.z, far.w);
}
float luma(vec2 at, ivec2 size) {
  vec2 place = at * vec2(size) - .5;
  ivec2 first = ivec2(floor(place)) - 1;
  vec4 across = weights(fract(place.x)), down = weights(fract(place.y));
  float sum = 0.;
  for (int j = 0; j < 4; j++)
    for (int i = 0; i < 4; i++)
      sum += across[i] * down[j] * texelFetch(y, clamp(first + ivec2(i, j), ivec2(0), size - 1), 0).r;
  return clamp(sum, 0., 1.);
}
void main() {
  vec2 at = vec2(gl_FragCoord.x, canvas.y - gl_FragCoord.y) / canvas;
  ivec2 size = textureSize(y, 0);
  float l = size == ivec2(canvas) ? texelFetch(y, ivec2(at * canvas), 0).r : luma(at, size);
  vec2 c = at * chroma + vec2(shift, 0.);
  colour = vec4(matrix * (vec3(l, texture(u, c).r, texture(v, c).r) - zero), 1.);
}`;
var Screen = class {
  /** @param webgl false: a 2D canvas, as where there is no WebGL 2 */
  constructor(canvas, webgl = true) {
    this.canvas = canvas;
    this.#gl = webgl ? canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true }) : null;
    if (this.#gl !== null && !this.#prepare()) this.#gl = null;
    if (this.#gl !== null) {
      canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
      canvas.addEventListener("webglcontextrestored", () => this.#prepare());
    }
    this.#flat = this.#gl === null ? canvas.getContext("2d") : null;
  }
  canvas;
  #gl;
  #flat;
  #textures = [];
  #place = () => null;
  get kind() {
    return this.#gl !== null ? "webgl2" : this.#flat !== null ? "2d" : "none";
  }
  /**
   * Shows `samples`, whose luma may be larger than their chroma says.
   * @param width of the canvas: a whole multiple of what `samples` has
   * @param from where a part of the canvas begins, and `to` where it ends: shares of its width
   */
  draw(samples, width = samples.width, height = samples.height, from = 0, to = 1) {
    const { canvas } = this;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const [left, right] = [Math.round(from * width), Math.round(to * width)];
    if (right <= left) return;
    if (this.#gl !== null) this.#byGpu(this.#gl, samples, left, right - left);
    else this.#flat?.putImageData(pixelsOf(samples, width, height), 0, 0, left, 0, right - left, height);
  }
  #prepare() {
    const gl = this.#gl;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (gl.getProgramParameter(program, gl.LINK_STATUS) !== true) return false;
    gl.useProgram(program);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.#place = (name) => gl.getUniformLocation(program, name);
    this.#textures = ["y", "u", "v", "y"].map((name, unit) => {
      if (unit < 3) gl.uniform1i(this.#place(name), unit);
      const texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
      return { texture, size: "" };
    });
    gl.enable(gl.SCISSOR_TEST);
    return true;
  }
  /** @param unit where the shader looks for it; luma that is enlarged has a texture of its own, so that none changes its size */
  #upload(gl, unit, index, data, width, height) {
    const slot = this.#textures[index];
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, slot.texture);
    if (slot.size === `${width}x${height}`) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RED, gl.UNSIGNED_BYTE, data);
    else gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, width, height, 0, gl.RED, gl.UNSIGNED_BYTE, data);
    slot.size = `${width}x${height}`;
  }
  #byGpu(gl, s, left, columns) {
    const { width, height } = this.canvas;
    this.#upload(gl, 0, s.width === width ? 0 : 3, s.y, s.width, s.height);
    this.#upload(gl, 1, 1, s.u, s.chromaWidth, s.chromaHeight);
    this.#upload(gl, 2, 2, s.v, s.chromaWidth, s.chromaHeight);
    const m = matrixOf(s.matrix, s.full);
    gl.uniform2f(this.#place("canvas"), width, height);
    gl.uniform2f(this.#place("chroma"), s.lumaWidth / (s.ssx * s.chromaWidth), s.lumaHeight / (s.ssy * s.chromaHeight));
    gl.uniform1f(this.#place("shift"), 2 * chromaShift(s, 2) / s.chromaWidth);
    gl.uniformMatrix3fv(this.#place("matrix"), false, [m.gain, m.gain, m.gain, 0, m.greenCb, m.blue, m.red, m.greenCr, 0]);
    gl.uniform3f(this.#place("zero"), m.black / 255, 128 / 255, 128 / 255);
    gl.viewport(0, 0, width, height);
    gl.scissor(left, 0, columns, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
};
function pixelsOf(s, width, height) {
  const scaled = (plane, wide, high, sx, sy, shift) => {
    const made = bicubic(plane, wide, high, sx, shift, 0, sy);
    const out = new Uint8ClampedArray(width * height);
    for (let y2 = 0; y2 < height; y2++) out.set(made.subarray(y2 * wide * sx, y2 * wide * sx + width), y2 * width);
    return out;
  };
  const scale = Math.round(width / s.lumaWidth);
  const chroma = (plane) => scaled(plane, s.chromaWidth, s.chromaHeight, s.ssx * scale, s.ssy * scale, 2 * chromaShift(s, 2));
  const rest = Math.round(width / s.width);
  const y = rest === 1 ? new Uint8ClampedArray(s.y) : scaled(s.y, s.width, s.height, rest, rest, 0);
  return new ImageData(toPixels({ y, cb: chroma(s.u), cr: chroma(s.v) }, void 0, matrixOf(s.matrix, s.full)), width, height);
}

// src/video.ts
function copied(video2, canvas) {
  const { videoWidth: width, videoHeight: height } = video2;
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video2, 0, 0);
  return planesOf({ kind: "pixels", data: context.getImageData(0, 0, width, height).data, order: [0, 1, 2], width, height });
}
async function grabbed(video2, canvas) {
  if (typeof VideoFrame !== "function") return copied(video2, canvas);
  const frame = new VideoFrame(video2);
  try {
    const { rotation, flip, visibleRect } = frame;
    const { width, height } = visibleRect;
    if (!rotation && !flip && width === video2.videoWidth && height === video2.videoHeight) return planesOf(await samplesOf(frame));
    return copied(video2, canvas);
  } finally {
    frame.close();
  }
}
function upscaleVideo(video2, canvas, live, options = {}) {
  const screen = new Screen(canvas, options.webgl ?? true);
  const between = document.createElement("canvas");
  const draw = options.draw ?? ((to, { frame, source }) => to.draw(frame, 2 * source.width, 2 * source.height));
  let running = true;
  let last;
  const again = () => {
    if (typeof video2.requestVideoFrameCallback === "function") video2.requestVideoFrameCallback((_, about) => void shown(about));
    else requestAnimationFrame(() => void shown());
  };
  const shown = async (about) => {
    if (!running) return;
    again();
    if (about !== void 0) {
      const frames = about.presentedFrames - (last?.presentedFrames ?? about.presentedFrames);
      const rate2 = frames / (about.mediaTime - (last?.mediaTime ?? 0));
      if (frames > 0 && rate2 >= 1 && rate2 <= 120) live.fps += (rate2 - live.fps) / 8;
      last = about;
    }
    if (video2.videoWidth === 0 || live.busy) return;
    try {
      const source = await grabbed(video2, between);
      const made = await live.planes(source);
      if (made === void 0 || !running) return;
      draw(screen, { ...made, source });
      options.told?.({ ...made, source });
    } catch {
    }
  };
  again();
  return () => {
    running = false;
  };
}

// src/sending.ts
var SIZE_CONSTANTS = { hold_us: 5e6, mean_us: 2e6, leave: 1.25 };
var C3 = SIZE_CONSTANTS;
var SIZE_NETWORK = "small-call";
var SIZE_TABLE = {
  h264: [[32, 0.017, 0.038], [36, 0.017, 0.038]],
  h265: [[32, 0, 0.02], [36, 0, 0.02]],
  vp8: [[32, 0, 0.02], [36, 0, 0.02]],
  vp9: [[32, 88e-4, 0.02], [36, 88e-4, 0.02]],
  av1: [[32, 0, 0.023], [36, 0, 0.023]]
};
var MOST_QP = { h264: 51, h265: 51, vp9: 255, av1: 255 };
var AC_STEPS = [[0, 4], [1, 8], [95, 102], [120, 152], [150, 255], [176, 408], [198, 615], [216, 864], [233, 1196], [255, 1828]];
function stepOf(codec, qp) {
  if (codec === "h264" || codec === "h265") return 2 ** ((qp - 4) / 6);
  const last = AC_STEPS.length - 1;
  let i = 0;
  while (i < last - 1 && qp > AC_STEPS[i + 1][0]) i++;
  const [[from, low], [to, high]] = [AC_STEPS[i], AC_STEPS[i + 1]];
  const share2 = (qp - from) / (to - from);
  return Math.exp(Math.log(low) + share2 * (Math.log(high) - Math.log(low))) / 8;
}
function chooseSize(codec, bitsPerPixel, softnessDb, qp) {
  if (qp !== void 0 && stepOf(codec, qp) ** 2 / 12 < 255 ** 2 * 10 ** (-softnessDb / 10)) return 1;
  const limit = SIZE_TABLE[codec]?.filter(([softness]) => softnessDb >= softness).at(-1);
  if (limit === void 0) return 1;
  return bitsPerPixel <= limit[1] ? 2 : bitsPerPixel <= limit[2] ? 1.5 : 1;
}
var SizeSwitch = class {
  #scale = 1;
  #mean;
  #now;
  #clock = 0;
  // microseconds since the first call; time doesn't run backwards
  #changed = 0;
  #last = "nothing measured yet";
  /**
   * To be called once a second or so. Numbers that can't be change nothing.
   * @param codec "h264", "h265", "vp8", "vp9" or "av1"; the full size is sent with others
   * @param bitsPerPixel what was sent since the last call, over the pixels that the frames have at full size
   * @param softnessDb `halfSizePsnr` of the original
   * @param qp the quantizer, 0 to 51, or base_q_idx, 0 to 255; it counts at full size alone
   */
  update(nowUs, codec, bitsPerPixel, softnessDb, qp) {
    const step = this.#now === void 0 ? 0 : Math.min(Math.max(nowUs - this.#now, 0), C3.hold_us);
    this.#clock += step;
    this.#now = nowUs;
    if (!(Number.isFinite(bitsPerPixel) && bitsPerPixel > 0) || Number.isNaN(softnessDb)) return this.#told(this.#last);
    this.#mean ??= bitsPerPixel;
    this.#mean += (bitsPerPixel - this.#mean) * Math.min(step, C3.mean_us) / C3.mean_us;
    if (!Object.hasOwn(SIZE_TABLE, codec)) {
      this.#scale = 1;
      return this.#told("codec not measured");
    }
    const known = qp !== void 0 && qp >= 0 && qp <= (MOST_QP[codec] ?? -1) && this.#scale === 1 ? qp : void 0;
    let wanted = chooseSize(codec, this.#mean, softnessDb, known);
    if (wanted < this.#scale) {
      const surer = chooseSize(codec, this.#mean / C3.leave, softnessDb);
      wanted = surer < this.#scale ? surer : this.#scale;
    }
    if (wanted !== this.#scale) {
      if (this.#clock - this.#changed < C3.hold_us) return this.#told("too soon to change");
      this.#scale = wanted;
      this.#changed = this.#clock;
    }
    return this.#told(this.#reason(codec, this.#mean, softnessDb, known));
  }
  #reason(codec, mean, softnessDb, qp) {
    if (this.#scale > 1) return "few bits";
    if (!SIZE_TABLE[codec].some(([softness]) => softnessDb >= softness)) return "picture too crisp";
    return qp !== void 0 && chooseSize(codec, mean, softnessDb) > 1 ? "fine as it is" : "enough bits";
  }
  #told(reason) {
    this.#last = reason;
    return { scale: this.#scale, model: this.#scale > 1 ? SIZE_NETWORK : null, reason, bitsPerPixel: this.#mean };
  }
};
function halfSizePsnr(luma, width, height) {
  const [across, down] = [width >> 1, height >> 1];
  if (across < 2 || down < 2) throw new RangeError(`${width}x${height}: 4x4 is the least`);
  const narrow = halved((x, y) => luma[y * width + x], across, 2 * down);
  const half = new Uint8ClampedArray(across * down);
  half.set(transposed(halved((y, x) => narrow[y * across + x], down, across), down, across));
  const back = bicubic(half, across, down, 2);
  let sum = 0;
  for (let y = 0; y < 2 * down; y++)
    for (let x = 0; x < 2 * across; x++) sum += (back[2 * y * across + x] - luma[y * width + x]) ** 2;
  return sum === 0 ? 100 : Math.min(100, 10 * Math.log10(255 ** 2 * 4 * across * down / sum));
}
var TAPS = [-0.01171875, -0.03515625, 0.11328125, 0.43359375, 0.43359375, 0.11328125, -0.03515625, -0.01171875];
function halved(at, count, rows) {
  const out = new Float32Array(count * rows);
  for (let x = 0; x < count; x++) {
    const first = Math.max(0, 3 - 2 * x);
    const end = Math.min(8, 2 * count - (2 * x - 3));
    let whole2 = 0;
    for (let k = first; k < end; k++) whole2 += TAPS[k];
    for (let y = 0; y < rows; y++) {
      let sum = 0;
      for (let k = first; k < end; k++) sum += TAPS[k] * at(2 * x - 3 + k, y);
      out[y * count + x] = sum / whole2;
    }
  }
  return out;
}
function transposed(plane, width, height) {
  const out = new Float32Array(plane.length);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) out[x * height + y] = plane[y * width + x];
  return out;
}

// page/softness.ts
var EVERY_MS = 3e3;
var MOST_SIDE = 512;
var Softness = class {
  #video = document.createElement("video");
  #last;
  constructor(track) {
    Object.assign(this.#video, { muted: true, playsInline: true, srcObject: new MediaStream([track]) });
    void this.#video.play().catch(() => void 0);
  }
  /** The track's own size, and its softness as it was seconds ago or is now. */
  async look() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    const now = performance.now();
    if (Math.min(width, height) < 4) return void 0;
    const last = this.#last;
    if (last !== void 0 && last.width === width && last.height === height && now - last.at < EVERY_MS) return last;
    const [across, down] = [Math.min(width, MOST_SIDE) & ~1, Math.min(height, MOST_SIDE) & ~1];
    const context = new OffscreenCanvas(across, down).getContext("2d", { willReadFrequently: true });
    context.drawImage(this.#video, across - width >> 1, down - height >> 1);
    const { data } = context.getImageData(0, 0, across, down);
    const luma = new Uint8ClampedArray(across * down);
    for (let i = 0, k = 0; i < luma.length; i++, k += 4)
      luma[i] = 16 + (65.738 * data[k] + 129.057 * data[k + 1] + 25.064 * data[k + 2]) / 256;
    this.#last = { width, height, softnessDb: halfSizePsnr(luma, across, down), at: now };
    return this.#last;
  }
  close() {
    this.#video.srcObject = null;
  }
};

// page/call.ts
var Call = class {
  #from = new RTCPeerConnection();
  #to = new RTCPeerConnection();
  #last;
  #sent = { bytes: 0, frames: 0, qps: 0 };
  #scale = 1;
  #setting = Promise.resolve();
  #softness;
  #sizes = new SizeSwitch();
  /** What arrives of `track`. */
  async start(track, kbits) {
    const [from, to] = [this.#from, this.#to];
    from.onicecandidate = ({ candidate }) => void to.addIceCandidate(candidate ?? void 0);
    to.onicecandidate = ({ candidate }) => void from.addIceCandidate(candidate ?? void 0);
    const arrived = new Promise((resolve) => to.ontrack = ({ track: received }) => resolve(received));
    from.addTrack(track);
    this.#softness = new Softness(track);
    await from.setLocalDescription();
    await to.setRemoteDescription(from.localDescription);
    await to.setLocalDescription();
    await from.setRemoteDescription(to.localDescription);
    await this.setRate(kbits);
    return arrived;
  }
  async setRate(kbits) {
    await this.#encode({ maxBitrate: kbits * 1e3 });
  }
  /** One change at a time: what was got before another one was made can't be set any more. */
  #encode(wanted) {
    this.#setting = this.#setting.catch(() => void 0).then(async () => {
      for (const sender of this.#from.getSenders()) {
        const parameters = sender.getParameters();
        for (const encoding of parameters.encodings) Object.assign(encoding, wanted);
        await sender.setParameters(parameters);
      }
    });
    return this.#setting;
  }
  /**
   * Makes the sender code the size that the bits since the last time speak for.
   * @param adapt otherwise the full size
   */
  async size(adapt) {
    const full = await this.#softness?.look();
    const sender = this.#from.getSenders()[0];
    const report = await sender?.getStats();
    for (const each of report?.values() ?? []) {
      if (each.type !== "outbound-rtp" || each.kind !== "video" || full === void 0) continue;
      const { bytesSent: bytes, framesEncoded: frames, qpSum: qps = 0, codecId, frameWidth: width = 0, frameHeight: height = 0 } = each;
      const [bits, count, qp] = [8 * (bytes - this.#sent.bytes), frames - this.#sent.frames, qps - this.#sent.qps];
      this.#sent = { bytes, frames, qps };
      const codec = String(report.get(codecId)?.mimeType ?? "").toLowerCase().replace("video/", "");
      const pixels = count * full.width * full.height;
      const sizing = this.#sizes.update(Math.round(each.timestamp * 1e3), codec, bits / pixels, full.softnessDb, qps > 0 ? qp / count : void 0);
      const scale = adapt ? sizing.scale : 1;
      if (scale !== this.#scale) await this.#encode({ scaleResolutionDownBy: scale });
      this.#scale = scale;
      return { ...sizing, width, height };
    }
    return void 0;
  }
  /** What came since the last time. */
  async received() {
    const report = await this.#to.getStats();
    for (const each of report.values()) {
      if (each.type !== "inbound-rtp" || each.kind !== "video") continue;
      const { bytesReceived: bytes, timestamp: at, frameWidth: width = 0, frameHeight: height = 0 } = each;
      const last = this.#last ?? { bytes, at };
      this.#last = { bytes, at };
      const codec = String(report.get(each.codecId)?.mimeType ?? "").replace("video/", "");
      return { kbits: at > last.at ? 8 * (bytes - last.bytes) / (at - last.at) : 0, width, height, codec };
    }
    return void 0;
  }
  close() {
    this.#softness?.close();
    this.#from.close();
    this.#to.close();
  }
};

// page/picture.ts
var MOST_SIDE2 = 8192;
var MOST_PIXELS = 16e6;
async function pixelsOf2(file2) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file2);
  } catch {
    throw new Error("This file is no picture that this browser can read.");
  }
  const { width, height } = bitmap;
  if (Math.max(width, height) > MOST_SIDE2 || width * height > MOST_PIXELS) {
    bitmap.close();
    throw new Error(`The picture has ${width}x${height} pixels: ${MOST_PIXELS / 1e6} million are the most here.`);
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}
var Picture = class _Picture {
  constructor(canvas, large, bicubic2, ms) {
    this.ms = ms;
    [canvas.width, canvas.height] = [large.width, large.height];
    this.#context = canvas.getContext("2d");
    this.#large = large;
    this.#bicubic = bicubic2;
  }
  ms;
  #large;
  #bicubic;
  #context;
  static async make(canvas, source, upscaler) {
    const plain = new Upscaler("bicubic", upscaler.scale, "none", void 0);
    const start = performance.now();
    const large = await upscaler.imageData(source);
    const ms = performance.now() - start;
    return new _Picture(canvas, large, await plain.imageData(source), ms);
  }
  /** @param share of the width that is bicubic's */
  draw(share2) {
    const { width, height } = this.#large;
    const left = Math.round(width * share2);
    if (left > 0) this.#context.putImageData(this.#bicubic, 0, 0, 0, 0, left, height);
    if (left < width) this.#context.putImageData(this.#large, 0, 0, left, 0, width - left, height);
  }
  /** The network's result as a PNG file. */
  async png() {
    const canvas = new OffscreenCanvas(this.#large.width, this.#large.height);
    canvas.getContext("2d").putImageData(this.#large, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }
};

// page/words.ts
var REASONS = {
  none: "It is the best one chosen.",
  "warm up": "The first frames, whose times say little.",
  static: "Nothing changed.",
  "over budget": "There would be time for a better one, were this computer idle.",
  "size too large": "At this size there is no time for a better one here.",
  "size too small": "A network sees nothing in so few pixels.",
  battery: "This computer runs on its battery.",
  fault: "It failed; it is tried again later.",
  hidden: "Nobody sees this page.",
  "no simd": "This browser's WebAssembly has no SIMD.",
  "not loaded": "The network's file could not be loaded.",
  "not luma": "The network is none for luma."
};
var DEVICES = {
  NotAllowedError: "The camera may not be used: allow it in the browser's settings for this page.",
  NotFoundError: "There is no camera.",
  NotReadableError: "The camera can't be opened: another program may be using it."
};
function sentence(error) {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return DEVICES[name] ?? message;
}
var SIZES = {
  "nothing measured yet": "nothing is measured yet",
  "codec not measured": "for this codec nobody measured when a smaller size pays",
  "picture too crisp": "the picture is too crisp to be sent smaller",
  "few bits": "with so few bits a smaller size is better",
  "enough bits": "there are bits enough for the full size",
  "fine as it is": "the encoder has the bits that it needs",
  "too soon to change": "another size would be better, and is taken in a moment"
};
function sentInWords({ width, height, scale, reason, bitsPerPixel }, adapts) {
  const size = scale === 1 || !adapts ? `${width}x${height}` : `${width}x${height}, 1/${scale} of the full size`;
  const rate2 = bitsPerPixel === void 0 ? "" : `, ${bitsPerPixel.toFixed(4)} bits a pixel`;
  return `${size}${rate2}: ${adapts ? SIZES[reason] : "always the full size"}`;
}

// page/main.ts
var AUTOMATIC = "automatic";
var CALL_FIELDS = ["rate-field", "adapt-field", "received-field", "sent-field"];
var base = new URL("networks/", document.baseURI);
var element = (id) => document.getElementById(id);
var [network, split, rate, file, video] = [
  element("network"),
  element("split"),
  element("rate"),
  element("file"),
  element("video")
];
var view = element("view");
var current;
var share = () => Number(split.value) / 100;
var say = (text) => void (element("status").textContent = text);
function complain(error) {
  console.error(error);
  element("error").textContent = sentence(error);
  say("");
}
function begin(name, restart) {
  stop();
  element("error").textContent = "";
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${name}, enlarged`);
  view.querySelector("canvas")?.remove();
  view.append(canvas);
  current = { name, end: [], restart };
  element("stop").disabled = false;
  return { source: current, canvas };
}
function stop() {
  for (const end of current?.end ?? []) end();
  current = void 0;
  video.pause();
  video.removeAttribute("src");
  video.srcObject = null;
  for (const id of ["result", "source", "save", ...CALL_FIELDS]) element(id).hidden = true;
  element("stop").disabled = true;
  say("Choose something.");
}
function facts(values) {
  for (const [id, value] of Object.entries(values)) element(id).textContent = value;
}
var median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
var chosen = (automatic) => network.value === AUTOMATIC ? automatic : network.value;
async function showPicture(name, blob) {
  const { source, canvas } = begin(name, () => showPicture(name, blob));
  say("The picture is read.");
  const pixels = await pixelsOf2(blob);
  const wanted = chosen("small");
  say(`${wanted} is loaded.`);
  const upscaler = await createUpscaler(wanted, { base });
  source.end.push(() => upscaler.close());
  if (current !== source) return;
  say(`${name} is enlarged.`);
  const picture = await Picture.make(canvas, pixels, upscaler);
  if (current !== source) return;
  source.picture = picture;
  source.redraw = () => picture.draw(share());
  source.redraw();
  const { reason } = upscaler;
  facts({
    level: reason === "none" ? upscaler.name : "bicubic",
    size: `${pixels.width}x${pixels.height} to ${canvas.width}x${canvas.height}`,
    ms: `${picture.ms.toFixed(0)} ms`,
    fps: "–",
    reason,
    "reason-text": REASONS[reason]
  });
  element("save").hidden = false;
  element("result").hidden = false;
  say(`${name} is ${canvas.width}x${canvas.height} pixels large now.`);
}
async function showFrames(source, canvas, ladder) {
  const always = network.value !== AUTOMATIC;
  const networks = always ? [network.value] : ladder;
  say(`${networks.join(" and ")} ${networks.length > 1 ? "are" : "is"} loaded and measured.`);
  const live = await createLive({ networks, base, always });
  if (current !== source) {
    live.close();
    return;
  }
  const names = new Map(networks.map((each) => [levelOf(each), each]));
  let last;
  const times = [];
  const shownAt = [];
  const drawn = (screen, shown) => {
    const [width, height] = [2 * shown.source.width, 2 * shown.source.height];
    screen.draw(shown.source, width, height, 0, share());
    screen.draw(shown.frame, width, height, share(), 1);
    source.redraw = () => last !== void 0 && drawn(screen, last);
  };
  const end = upscaleVideo(video, canvas, live, {
    draw: drawn,
    told: (shown) => {
      if (last === void 0) say(`${source.name} is enlarged.`);
      last = shown;
      times.push(shown.ms);
      shownAt.push(performance.now());
      if (times.length > 30) times.shift();
    }
  });
  const timer = setInterval(() => {
    const now = performance.now();
    while (shownAt.length > 0 && shownAt[0] < now - 2e3) shownAt.shift();
    if (last === void 0) return;
    const { source: { width, height }, level } = last;
    const reason = document.visibilityState === "hidden" ? "hidden" : last.reason;
    facts({
      level: level === Level.PASS_THROUGH ? "the GPU (bicubic)" : names.get(level) ?? String(LEVELS[level]),
      size: `${width}x${height} to ${2 * width}x${2 * height}`,
      ms: `${median(times).toFixed(1)} ms`,
      fps: (shownAt.length / 2).toFixed(1),
      reason,
      "reason-text": REASONS[reason]
    });
  }, 500);
  source.end.push(end, () => clearInterval(timer), () => live.close());
  element("source").hidden = false;
  element("result").hidden = false;
}
async function showVideo(name, blob) {
  const { source, canvas } = begin(name, () => showVideo(name, blob));
  const url = URL.createObjectURL(blob);
  source.end.push(() => URL.revokeObjectURL(url));
  const loaded = new Promise((resolve, reject) => {
    video.onloadeddata = () => resolve();
    video.onerror = () => reject(new Error(`This browser can't play ${name}.`));
  });
  Object.assign(video, { loop: true, controls: true, src: url });
  await loaded;
  if (current !== source) return;
  if (video.videoWidth === 0) throw new Error(`${name} has no pictures.`);
  await showFrames(source, canvas, ["tiny", "small"]);
  await video.play();
}
async function showDevice(called) {
  const { source, canvas } = begin(called ? "The call" : "The camera", () => showDevice(called));
  if (navigator.mediaDevices === void 0) throw new Error("This browser gives cameras to pages of https and localhost only.");
  say("The camera is opened.");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 30 } } });
  source.end.push(() => stream.getTracks().forEach((track2) => track2.stop()));
  if (current !== source) return source.end.forEach((end) => end());
  let track = stream.getVideoTracks()[0];
  track.addEventListener("ended", () => current === source && stop());
  if (called) {
    const call = new Call();
    source.call = call;
    source.end.push(() => call.close());
    track = await call.start(track, Number(rate.value));
    const timer = setInterval(() => {
      void call.received().then((got) => {
        if (got !== void 0) facts({ received: `${got.kbits.toFixed(0)} kbit/s ${got.codec}, ${got.width}x${got.height}` });
      });
      const adapts = element("adapt").checked;
      void call.size(adapts).then((sent) => sent !== void 0 && facts({ sent: sentInWords(sent, adapts) })).catch(() => void 0);
    }, 1e3);
    source.end.push(() => clearInterval(timer));
    for (const id of CALL_FIELDS) element(id).hidden = false;
  }
  Object.assign(video, { loop: false, controls: false, srcObject: new MediaStream([track]) });
  await showFrames(source, canvas, called ? ["tiny-call", "small-call"] : ["tiny", "small"]);
  await video.play();
}
function open(blob) {
  const show = blob.type.startsWith("video/") ? showVideo : showPicture;
  run(show(blob.name, blob));
}
function run(work) {
  const mine = current;
  work.catch((error) => {
    if (current !== mine) return;
    stop();
    complain(error);
  });
}
function listen() {
  file.addEventListener("change", () => {
    if (file.files?.[0] !== void 0) open(file.files[0]);
    file.value = "";
  });
  element("camera").addEventListener("click", () => run(showDevice(false)));
  element("call").addEventListener("click", () => run(showDevice(true)));
  element("stop").addEventListener("click", stop);
  network.addEventListener("change", () => current !== void 0 && run(current.restart()));
  split.addEventListener("input", () => {
    view.style.setProperty("--split", `${split.value}%`);
    split.setAttribute("aria-valuetext", `${split.value} % bicubic`);
    current?.redraw?.();
  });
  view.addEventListener("pointermove", (event) => {
    if (event.buttons === 0 && event.pointerType !== "mouse") return;
    const { left, width } = view.getBoundingClientRect();
    split.value = String(Math.round(100 * (event.clientX - left) / width));
    split.dispatchEvent(new Event("input"));
  });
  rate.addEventListener("input", () => {
    element("rate-value").textContent = `${rate.value} kbit/s`;
    rate.setAttribute("aria-valuetext", `${rate.value} kilobits a second`);
    void current?.call?.setRate(Number(rate.value)).catch(complain);
  });
  element("actual").addEventListener("change", (event) => view.classList.toggle("actual", event.target.checked));
  element("save").addEventListener("click", () => void save().catch(complain));
  for (const kind of ["dragover", "dragleave", "drop"])
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      document.body.classList.toggle("over", kind === "dragover");
      const dropped = kind === "drop" ? event.dataTransfer?.files[0] : void 0;
      if (dropped !== void 0) open(dropped);
    });
}
async function save() {
  const source = current;
  if (source?.picture === void 0) return;
  const url = URL.createObjectURL(await source.picture.png());
  const link = document.createElement("a");
  [link.href, link.download] = [url, `${source.name.replace(/\.[^.]*$/, "")}_2x.png`];
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1e4);
}
async function main() {
  network.append(new Option("automatic", AUTOMATIC));
  listen();
  const answer = await fetch(new URL("index.json", base));
  if (!answer.ok) throw new Error("The list of networks could not be loaded.");
  const { networks } = await answer.json();
  for (const name of networks) network.append(new Option(name, name));
  document.documentElement.dataset["ready"] = "";
}
main().catch(complain);
