// A network that pocketsr compiled to WebAssembly: one instance, one thread. No dependencies; browsers, workers, Node.

/**
 * What is known about an exported network: NAME.json.
 * @typedef {object} Facts
 * @property {string} name
 * @property {number} scale how much larger the result is
 * @property {number} channels 1: luma; 3: R, G, B, a plane each
 * @property {boolean} exact whether every machine gives the same bits
 * @property {{plain: string, relaxed?: string}} modules files beside NAME.json
 * @property {{rows: number, delay: number}} band band k is rows [rows k - delay, rows (k + 1) - delay) of the result
 * @property {number} [strengths] of networks that are told how degraded a frame is
 * @property {number} [default_strength] 0 (clean) to 1
 * @property {Record<string, number>} us_per_mpx microseconds for a million pixels, where it was measured
 */

/** @typedef {{memory: WebAssembly.Memory, [name: string]: any}} Exports */

const PAGE = 65536;
const MOST = 2 ** 32 - PAGE; // bytes that 32 bits address
const LARGEST = 32768; // pixels of a side

// (func (result v128) (i8x16.popcnt (i8x16.splat (i32.const 0)))), and the same with i8x16.relaxed_swizzle
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
const RELAXED = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253,
  128, 2, 11,
];

/**
 * Which instructions there are. Without `simd` no module can be compiled.
 * @returns {{simd: boolean, relaxed: boolean}}
 */
export function features() {
  if (typeof WebAssembly !== "object") return { simd: false, relaxed: false };
  const simd = WebAssembly.validate(new Uint8Array(SIMD));
  return { simd, relaxed: simd && WebAssembly.validate(new Uint8Array(RELAXED)) };
}

/**
 * The bytes of a file, also in Node, whose fetch reads no files.
 * @param {URL} url
 * @returns {Promise<ArrayBuffer>}
 */
export async function bytesOf(url) {
  if (url.protocol === "file:" && typeof process === "object") {
    const { readFile } = await import("node:fs/promises");
    return new Uint8Array(await readFile(url)).buffer;
  }
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}

/**
 * The network's module, compiled: the one with relaxed SIMD where there is one and the machine takes it.
 * @param {Facts} facts
 * @param {string | URL} base what the names of files are relative to
 * @param {{relaxed?: boolean}} [options]
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(facts, base, options = {}) {
  const found = features();
  if (!found.simd) throw new Error("no WebAssembly with SIMD here");
  const relaxed = options.relaxed ?? true;
  const file = relaxed && found.relaxed && facts.modules.relaxed ? facts.modules.relaxed : facts.modules.plain;
  return WebAssembly.compile(await bytesOf(new URL(file, base)));
}

/** One instance with memory of its own: the frame that comes in, the result, the rings of rows. */
export class Engine {
  /**
   * @param {WebAssembly.Module} module
   * @param {Facts} facts
   */
  constructor(module, facts) {
    this.facts = facts;
    /** @type {Exports} */
    this._exports = /** @type {any} */ (new WebAssembly.Instance(module, {}).exports);
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
    const scratch = output + Math.ceil((samples * scale * scale) / 64) * 64;
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
    if (strength === undefined) {
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
    this.run(undefined, undefined, strength);
    return this.output;
  }
}

/**
 * A network, ready to run.
 * @param {Facts} facts
 * @param {string | URL} base
 * @param {{relaxed?: boolean}} [options]
 * @returns {Promise<Engine>}
 */
export async function open(facts, base, options = {}) {
  return new Engine(await compile(facts, base, options), facts);
}
