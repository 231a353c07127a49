// Planes on a canvas: chroma is enlarged and colours are made by the GPU (WebGL 2), or here, for a 2D canvas.

import { bicubic } from "./bicubic.js";
import { matrixOf, toPixels } from "./colour.js";
import { chromaShift } from "./frame.js";
import type { PlaneSamples } from "./frame.js";

const VERTEX = `#version 300 es
void main() { gl_Position = vec4(gl_VertexID == 1 ? 3. : -1., gl_VertexID == 2 ? 3. : -1., 0., 1.); }`;
// Luma as it is where sizes agree, else by the same bicubic as bicubic.ts; chroma by the GPU's bilinear filter.
const FRAGMENT = `#version 300 es
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

/** A canvas that shows planes, each time as large as they are to be seen. */
export class Screen {
  #gl: WebGL2RenderingContext | null;
  readonly #flat: CanvasRenderingContext2D | null;
  #textures: { texture: WebGLTexture; size: string }[] = [];
  #place: (name: string) => WebGLUniformLocation | null = () => null;

  /** @param webgl false: a 2D canvas, as where there is no WebGL 2 */
  constructor(
    readonly canvas: HTMLCanvasElement,
    webgl = true,
  ) {
    this.#gl = webgl ? canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true }) : null;
    if (this.#gl !== null && !this.#prepare()) this.#gl = null;
    if (this.#gl !== null) {
      canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
      canvas.addEventListener("webglcontextrestored", () => this.#prepare());
    }
    this.#flat = this.#gl === null ? canvas.getContext("2d") : null;
  }

  get kind(): "webgl2" | "2d" | "none" {
    return this.#gl !== null ? "webgl2" : this.#flat !== null ? "2d" : "none";
  }

  /**
   * Shows `samples`, whose luma may be larger than their chroma says.
   * @param width of the canvas: a whole multiple of what `samples` has
   * @param from where a part of the canvas begins, and `to` where it ends: shares of its width
   */
  draw(samples: PlaneSamples, width = samples.width, height = samples.height, from = 0, to = 1): void {
    const { canvas } = this;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const [left, right] = [Math.round(from * width), Math.round(to * width)];
    if (right <= left) return;
    if (this.#gl !== null) this.#byGpu(this.#gl, samples, left, right - left);
    else this.#flat?.putImageData(pixelsOf(samples, width, height), 0, 0, left, 0, right - left, height);
  }

  #prepare(): boolean {
    const gl = this.#gl!;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(kind)!;
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
  #upload(gl: WebGL2RenderingContext, unit: number, index: number, data: ArrayBufferView, width: number, height: number): void {
    const slot = this.#textures[index]!;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, slot.texture);
    if (slot.size === `${width}x${height}`) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RED, gl.UNSIGNED_BYTE, data);
    else gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, width, height, 0, gl.RED, gl.UNSIGNED_BYTE, data);
    slot.size = `${width}x${height}`;
  }

  #byGpu(gl: WebGL2RenderingContext, s: PlaneSamples, left: number, columns: number): void {
    const { width, height } = this.canvas;
    this.#upload(gl, 0, s.width === width ? 0 : 3, s.y, s.width, s.height);
    this.#upload(gl, 1, 1, s.u, s.chromaWidth, s.chromaHeight);
    this.#upload(gl, 2, 2, s.v, s.chromaWidth, s.chromaHeight);
    const m = matrixOf(s.matrix, s.full);
    gl.uniform2f(this.#place("canvas"), width, height);
    // an odd picture ends within its last chroma sample
    gl.uniform2f(this.#place("chroma"), s.lumaWidth / (s.ssx * s.chromaWidth), s.lumaHeight / (s.ssy * s.chromaHeight));
    gl.uniform1f(this.#place("shift"), (2 * chromaShift(s, 2)) / s.chromaWidth);
    gl.uniformMatrix3fv(this.#place("matrix"), false, [m.gain, m.gain, m.gain, 0, m.greenCb, m.blue, m.red, m.greenCr, 0]);
    gl.uniform3f(this.#place("zero"), m.black / 255, 128 / 255, 128 / 255);
    gl.viewport(0, 0, width, height);
    gl.scissor(left, 0, columns, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}

/** The same without a GPU. */
function pixelsOf(s: PlaneSamples, width: number, height: number): ImageData {
  const scaled = (plane: Uint8Array | Uint8ClampedArray, wide: number, high: number, sx: number, sy: number, shift: number): Uint8ClampedArray<ArrayBuffer> => {
    const made = bicubic(plane, wide, high, sx, shift, 0, sy);
    const out = new Uint8ClampedArray(width * height); // without what an odd picture's chroma has too much
    for (let y = 0; y < height; y++) out.set(made.subarray(y * wide * sx, y * wide * sx + width), y * width);
    return out;
  };
  const scale = Math.round(width / s.lumaWidth);
  const chroma = (plane: Uint8Array | Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> =>
    scaled(plane, s.chromaWidth, s.chromaHeight, s.ssx * scale, s.ssy * scale, 2 * chromaShift(s, 2));
  const rest = Math.round(width / s.width);
  const y = rest === 1 ? new Uint8ClampedArray(s.y) : scaled(s.y, s.width, s.height, rest, rest, 0);
  return new ImageData(toPixels({ y, cb: chroma(s.u), cr: chroma(s.v) }, undefined, matrixOf(s.matrix, s.full)), width, height);
}
