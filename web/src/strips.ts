// What workers are sent and answer, and the side that works. A worker has an instance of its own: nothing is shared but
// the compiled module, and, where a page is cross-origin isolated, the memory of frames.

import { Engine } from "./engine.js";
import type { Facts } from "./engine.js";

export interface Start {
  kind: "start";
  module: WebAssembly.Module;
  facts: Facts;
}
export interface Strip {
  kind: "strip";
  id: number;
  input: ArrayBuffer | SharedArrayBuffer;
  /** where the result goes; undefined: it is sent back */
  output?: SharedArrayBuffer | undefined;
  width: number;
  height: number;
  /** this strip of so many */
  index: number;
  count: number;
  /** for a network that is told one; undefined: its default */
  strength?: number | undefined;
}
export interface Done {
  id: number;
  /** first row of the result */
  from: number;
  rows?: ArrayBuffer | undefined;
  error?: string | undefined;
}

/** A Worker, a worker's own scope, or Node's ports in a test. */
export interface Port {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: ((event: { data: any }) => void) | null;
}

/** Which bands strip `index` of `count` is. */
export function bandsOf(index: number, count: number, bands: number): [number, number] {
  return [Math.floor((bands * index) / count), Math.floor((bands * (index + 1)) / count)];
}

/** Answers each strip that comes through `port`. */
export function serve(port: Port): void {
  let engine: Engine | undefined;
  port.onmessage = ({ data }: { data: Start | Strip }) => {
    if (data.kind === "start") {
      engine = new Engine(data.module, data.facts);
      return;
    }
    try {
      if (engine === undefined) throw new Error("a strip came before the network");
      const { id, width, height } = data;
      engine.resize(width, height);
      engine.input.set(new Uint8Array(data.input));
      const [first, last] = bandsOf(data.index, data.count, engine.bands(height));
      engine.run(first, last, data.strength);
      const [from, to] = engine.rows(first, last, height);
      const row = width * engine.facts.scale;
      const made = engine.output.subarray(from * row, to * row);
      if (data.output !== undefined) {
        new Uint8Array(data.output).set(made, from * row);
        port.postMessage({ id, from } satisfies Done, []);
      } else {
        const rows = made.slice().buffer as ArrayBuffer;
        port.postMessage({ id, from, rows } satisfies Done, [rows]);
      }
    } catch (error) {
      port.postMessage({ id: data.id, from: 0, error: String(error) } satisfies Done, []);
    }
  };
}
