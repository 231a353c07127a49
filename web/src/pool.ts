// A luma plane, cut in strips among workers. One frame at a time; what comes meanwhile waits.

import { Engine } from "./engine.js";
import type { Facts } from "./engine.js";
import type { Done, Port, Start, Strip } from "./strips.js";

export type Plane = Uint8Array | Uint8ClampedArray;
export type MakeWorker = () => Port & { terminate(): unknown };

interface Waiting {
  left: number;
  output: Uint8Array<ArrayBuffer>;
  row: number;
  shared: SharedArrayBuffer | undefined;
  resolve(output: Uint8Array<ArrayBuffer>): void;
  reject(error: Error): void;
}

/** Whether memory can be shared with workers: a page that is cross-origin isolated. */
function isolated(): boolean {
  return typeof SharedArrayBuffer === "function" && (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;
}

/** Makes planes `scale` times as large, on workers, or here where there are none. */
export class Pool {
  readonly #workers: (Port & { terminate(): unknown })[];
  readonly #engine: Engine | undefined;
  readonly #facts: Facts;
  #last: Promise<unknown> = Promise.resolve();
  #waiting: Waiting | undefined;
  #id = 0;
  #input: SharedArrayBuffer | undefined;
  #output: SharedArrayBuffer | undefined;

  constructor(module: WebAssembly.Module, facts: Facts, count: number, makeWorker: MakeWorker | undefined) {
    this.#facts = facts;
    this.#workers = makeWorker === undefined ? [] : Array.from({ length: count }, makeWorker);
    if (this.#workers.length === 0) this.#engine = new Engine(module, facts);
    for (const worker of this.#workers) {
      worker.onmessage = ({ data }: { data: Done }) => this.#done(data);
      worker.postMessage({ kind: "start", module, facts } satisfies Start, []);
    }
  }

  get workers(): number {
    return this.#workers.length;
  }

  /** The plane, enlarged. Frames are made in the order in which they come. */
  run(plane: Plane, width: number, height: number, strength?: number): Promise<Uint8Array<ArrayBuffer>> {
    if (plane.length !== width * height)
      return Promise.reject(new RangeError(`${plane.length} samples: ${width * height} are expected`));
    const next = this.#last.then(() => this.#frame(plane, width, height, strength));
    this.#last = next.catch(() => undefined);
    return next;
  }

  close(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#workers.length = 0;
    this.#waiting?.reject(new Error("closed"));
    this.#waiting = undefined;
  }

  #frame(plane: Plane, width: number, height: number, strength?: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#engine !== undefined) {
      try {
        return Promise.resolve(this.#engine.upscale(plane, width, height, strength).slice() as Uint8Array<ArrayBuffer>);
      } catch (error) {
        return Promise.reject(error as Error);
      }
    }
    const count = this.#workers.length;
    if (count === 0) return Promise.reject(new Error("closed"));
    const scale = this.#facts.scale;
    const size = width * height * scale * scale;
    const shared = isolated();
    if (shared && this.#input?.byteLength !== width * height) {
      this.#input = new SharedArrayBuffer(width * height);
      this.#output = new SharedArrayBuffer(size);
    }
    const output = shared ? this.#output : undefined;
    if (shared) new Uint8Array(this.#input!).set(plane);
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      const room = new Uint8Array(size);
      this.#waiting = { left: count, output: room, row: width * scale, shared: output, resolve, reject };
      this.#workers.forEach((worker, index) => {
        const input = shared ? this.#input! : plane.slice().buffer;
        const strip: Strip = { kind: "strip", id, input: input as ArrayBuffer, output, width, height, index, count, strength };
        worker.postMessage(strip, shared ? [] : [input as ArrayBuffer]);
      });
    });
  }

  #done(done: Done): void {
    const waiting = this.#waiting;
    if (waiting === undefined || done.id !== this.#id) return;
    if (done.error !== undefined) {
      this.#waiting = undefined;
      waiting.reject(new Error(done.error));
      return;
    }
    if (done.rows !== undefined) waiting.output.set(new Uint8Array(done.rows), done.from * waiting.row);
    waiting.left -= 1;
    if (waiting.left > 0) return;
    this.#waiting = undefined;
    if (waiting.shared !== undefined) waiting.output.set(new Uint8Array(waiting.shared));
    waiting.resolve(waiting.output);
  }
}
