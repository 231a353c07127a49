// Made from web/ by `npm run page`: edit that.

// src/engine.js
var PAGE = 65536;
var MOST = 2 ** 32 - PAGE;
var LARGEST = 32768;
var Engine = class {
  /**
   * @param {WebAssembly.Module} module
   * @param {Facts} facts
   */
  constructor(module, facts) {
    this.facts = facts;
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

// src/strips.ts
function bandsOf(index, count, bands) {
  return [Math.floor(bands * index / count), Math.floor(bands * (index + 1) / count)];
}
function serve(port) {
  let engine;
  port.onmessage = ({ data }) => {
    if (data.kind === "start") {
      engine = new Engine(data.module, data.facts);
      return;
    }
    try {
      if (engine === void 0) throw new Error("a strip came before the network");
      const { id, width, height } = data;
      engine.resize(width, height);
      engine.input.set(new Uint8Array(data.input));
      const [first, last] = bandsOf(data.index, data.count, engine.bands(height));
      engine.run(first, last, data.strength);
      const [from, to] = engine.rows(first, last, height);
      const row = width * engine.facts.scale;
      const made = engine.output.subarray(from * row, to * row);
      if (data.output !== void 0) {
        new Uint8Array(data.output).set(made, from * row);
        port.postMessage({ id, from }, []);
      } else {
        const rows = made.slice().buffer;
        port.postMessage({ id, from, rows }, [rows]);
      }
    } catch (error) {
      port.postMessage({ id: data.id, from: 0, error: String(error) }, []);
    }
  };
}

// src/worker.ts
serve(self);
