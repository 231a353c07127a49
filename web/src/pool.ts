// A luma plane, cut in strips among workers. One frame at a time; what comes meanwhile waits. Without workers, or once one
// of them can't be loaded or has died, frames are made here.

import { Engine } from "./engine.js";
import type { Facts } from "./engine.js";
import type { Done, Port, Start, Strip } from "./strips.js";

export type Plane = Uint8Array | Uint8ClampedArray;
/** What a Worker is, or what stands for one. */
export type WorkerPort = Port & { terminate(): unknown; onerror?: ((event: any) => unknown) | null };
export type MakeWorker = () => WorkerPort;

interface Waiting {
  left: number;
  output: Uint8Array<ArrayBuffer>;
  row: number;
  shared: SharedArrayBuffer | undefined;
  /** the frame once more, without workers */
  again(): Promise<Uint8Array<ArrayBuffer>>;
  resolve(output: Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>): void;
  reject(error: Error): void;
}

/** Whether memory can be shared with workers: a page that is cross-origin isolated. */
function isolated(): boolean {
  return typeof SharedArrayBuffer === "function" && (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;
}

/** Makes planes `scale` times as large, on workers, or here where there are none. */
export class Pool {
  #workers: WorkerPort[] = [];
  #engine: Engine | undefined;
  #closed = false;
  readonly #module: WebAssembly.Module;
  readonly #facts: Facts;
  #last: Promise<unknown> = Promise.resolve();
  #waiting: Waiting | undefined;
  #id = 0;
  #input: SharedArrayBuffer | undefined;
  #output: SharedArrayBuffer | undefined;

  constructor(module: WebAssembly.Module, facts: Facts, count: number, makeWorker: MakeWorker | undefined) {
    this.#module = module;
    this.#facts = facts;
    try {
      if (makeWorker !== undefined) this.#workers = Array.from({ length: count }, makeWorker);
    } catch {
      // a script of another site, or a policy that allows none
    }
    for (const worker of this.#workers) {
      worker.onmessage = ({ data }: { data: Done }) => this.#done(data);
      worker.onerror = () => this.#alone();
      worker.postMessage({ kind: "start", module, facts } satisfies Start, []);
    }
  }

  get workers(): number {
    return this.#workers.length;
  }

  /** The plane of `width * height` samples, enlarged. Frames are made in the order in which they come. */
  run(plane: Plane, width: number, height: number, strength?: number): Promise<Uint8Array<ArrayBuffer>> {
    const next = this.#last.then(() => this.#frame(plane, width, height, strength));
    this.#last = next.catch(() => undefined);
    return next;
  }

  close(): void {
    this.#closed = true;
    this.#alone();
  }

  /** Ends the workers. What waits for them is made here, if anything still is. */
  #alone(): void {
    for (const worker of this.#workers.splice(0)) worker.terminate();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(waiting.again());
  }

  async #frame(plane: Plane, width: number, height: number, strength?: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#closed) throw new Error("closed");
    const count = this.#workers.length;
    if (count === 0) {
      this.#engine ??= new Engine(this.#module, this.#facts);
      return this.#engine.upscale(plane, width, height, strength).slice() as Uint8Array<ArrayBuffer>;
    }
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
      const again = () => this.#frame(plane, width, height, strength);
      this.#waiting = { left: count, output: room, row: width * scale, shared: output, again, resolve, reject };
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
