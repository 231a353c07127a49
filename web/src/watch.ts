// What the machine says of itself, where the browser passes it on: battery and pressure.

import type { Live } from "./live.js";

const LOW = 0.2; // of the battery
const PRESSURES = ["nominal", "fair", "serious", "critical"];

interface Battery extends EventTarget {
  charging: boolean;
  level: number;
}

/** Keeps `power` and `pressure` as the machine has them. Browsers without the interfaces leave both at 0. */
export function watch(live: Pick<Live, "power" | "pressure">, onBattery: "tiny" | "pause" | "ignore"): void {
  const { navigator, PressureObserver } = globalThis as any;
  if (onBattery !== "ignore")
    (navigator?.getBattery?.() as Promise<Battery> | undefined)?.then((battery) => {
      const told = (): void => {
        live.power = battery.charging ? 0 : onBattery === "pause" || battery.level < LOW ? 2 : 1;
      };
      told();
      for (const event of ["chargingchange", "levelchange"]) battery.addEventListener(event, told);
    }, () => undefined); // a page may be forbidden to know
  if (PressureObserver === undefined) return;
  new PressureObserver((records: { state: string }[]) => {
    live.pressure = Math.max(0, PRESSURES.indexOf(records.at(-1)?.state ?? ""));
  })
    .observe("cpu", { sampleInterval: 2000 })
    .catch(() => undefined);
}
