// The page: a picture, a video, the camera or a call with oneself, enlarged by a network beside bicubic.

import { createLive, levelOf } from "../src/live.js";
import type { Live } from "../src/live.js";
import { LEVELS, Level } from "../src/situation.js";
import { createUpscaler } from "../src/upscaler.js";
import { upscaleVideo } from "../src/video.js";
import type { Shown } from "../src/video.js";
import { Call } from "./call.js";
import { Picture, pixelsOf } from "./picture.js";
import { REASONS, sentence, sentInWords } from "./words.js";

const AUTOMATIC = "automatic";
const CALL_FIELDS = ["rate-field", "adapt-field", "received-field", "sent-field"];
const base = new URL("networks/", document.baseURI);
const element = <T extends HTMLElement = HTMLElement>(id: string): T => document.getElementById(id) as T;
const [network, split, rate, file, video] = [element<HTMLSelectElement>("network"), element<HTMLInputElement>("split"),
  element<HTMLInputElement>("rate"), element<HTMLInputElement>("file"), element<HTMLVideoElement>("video")];
const view = element("view");

/** What runs: the way it came, what ends it, and how it is shown again when the slider moves. */
interface Source {
  name: string;
  end: (() => void)[];
  redraw?: () => void;
  picture?: Picture;
  call?: Call;
  restart: () => Promise<void>;
}
let current: Source | undefined;
const share = (): number => Number(split.value) / 100;
const say = (text: string): void => void (element("status").textContent = text);

function complain(error: unknown): void {
  console.error(error);
  element("error").textContent = sentence(error);
  say("");
}

/** Ends what runs; a canvas has one kind of context for life, so there is a new one. */
function begin(name: string, restart: () => Promise<void>): { source: Source; canvas: HTMLCanvasElement } {
  stop();
  element("error").textContent = "";
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${name}, enlarged`);
  view.querySelector("canvas")?.remove();
  view.append(canvas);
  current = { name, end: [], restart };
  element<HTMLButtonElement>("stop").disabled = false;
  return { source: current, canvas };
}

function stop(): void {
  for (const end of current?.end ?? []) end();
  current = undefined;
  video.pause();
  video.removeAttribute("src");
  video.srcObject = null;
  for (const id of ["result", "source", "save", ...CALL_FIELDS]) element(id).hidden = true;
  element<HTMLButtonElement>("stop").disabled = true;
  say("Choose something.");
}

function facts(values: Record<string, string>): void {
  for (const [id, value] of Object.entries(values)) element(id).textContent = value;
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const chosen = (automatic: string): string => (network.value === AUTOMATIC ? automatic : network.value);

async function showPicture(name: string, blob: Blob): Promise<void> {
  const { source, canvas } = begin(name, () => showPicture(name, blob));
  say("The picture is read.");
  const pixels = await pixelsOf(blob);
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
    ms: `${picture.ms.toFixed(0)} ms`, fps: "–", reason, "reason-text": REASONS[reason],
  });
  element("save").hidden = false;
  element("result").hidden = false;
  say(`${name} is ${canvas.width}x${canvas.height} pixels large now.`);
}

/** Shows what `video` plays, enlarged, until the source ends. */
async function showFrames(source: Source, canvas: HTMLCanvasElement, ladder: readonly string[]): Promise<void> {
  const always = network.value !== AUTOMATIC;
  const networks = always ? [network.value] : ladder;
  say(`${networks.join(" and ")} ${networks.length > 1 ? "are" : "is"} loaded and measured.`);
  const live: Live = await createLive({ networks, base, always });
  if (current !== source) {
    live.close();
    return;
  }
  const names = new Map<number, string>(networks.map((each) => [levelOf(each), each]));
  let last: Shown | undefined;
  const times: number[] = [];
  const shownAt: number[] = [];
  const drawn = (screen: Parameters<NonNullable<Parameters<typeof upscaleVideo>[3]>["draw"] & {}>[0], shown: Shown): void => {
    const [width, height] = [2 * shown.source.width, 2 * shown.source.height];
    screen.draw(shown.source, width, height, 0, share());
    screen.draw(shown.frame, width, height, share(), 1);
    source.redraw = () => last !== undefined && drawn(screen, last);
  };
  const end = upscaleVideo(video, canvas, live, {
    draw: drawn,
    told: (shown) => {
      if (last === undefined) say(`${source.name} is enlarged.`);
      last = shown;
      times.push(shown.ms);
      shownAt.push(performance.now());
      if (times.length > 30) times.shift();
    },
  });
  const timer = setInterval(() => {
    const now = performance.now();
    while (shownAt.length > 0 && shownAt[0]! < now - 2000) shownAt.shift();
    if (last === undefined) return;
    const { source: { width, height }, level } = last;
    const reason = document.visibilityState === "hidden" ? "hidden" : last.reason;
    facts({
      level: level === Level.PASS_THROUGH ? "the GPU (bicubic)" : (names.get(level) ?? String(LEVELS[level])),
      size: `${width}x${height} to ${2 * width}x${2 * height}`,
      ms: `${median(times).toFixed(1)} ms`, fps: (shownAt.length / 2).toFixed(1), reason, "reason-text": REASONS[reason],
    });
  }, 500);
  source.end.push(end, () => clearInterval(timer), () => live.close());
  element("source").hidden = false;
  element("result").hidden = false;
}

async function showVideo(name: string, blob: Blob): Promise<void> {
  const { source, canvas } = begin(name, () => showVideo(name, blob));
  const url = URL.createObjectURL(blob);
  source.end.push(() => URL.revokeObjectURL(url));
  const loaded = new Promise<void>((resolve, reject) => {
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

async function showDevice(called: boolean): Promise<void> {
  const { source, canvas } = begin(called ? "The call" : "The camera", () => showDevice(called));
  if (navigator.mediaDevices === undefined) throw new Error("This browser gives cameras to pages of https and localhost only.");
  say("The camera is opened.");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 30 } } });
  source.end.push(() => stream.getTracks().forEach((track) => track.stop()));
  if (current !== source) return source.end.forEach((end) => end());
  let track = stream.getVideoTracks()[0]!;
  track.addEventListener("ended", () => current === source && stop());
  if (called) {
    const call = new Call();
    source.call = call;
    source.end.push(() => call.close());
    track = await call.start(track, Number(rate.value));
    const timer = setInterval(() => {
      void call.received().then((got) => {
        if (got !== undefined) facts({ received: `${got.kbits.toFixed(0)} kbit/s ${got.codec}, ${got.width}x${got.height}` });
      });
      const adapts = element<HTMLInputElement>("adapt").checked;
      void call.size(adapts).then((sent) => sent !== undefined && facts({ sent: sentInWords(sent, adapts) })).catch(() => undefined);
    }, 1000);
    source.end.push(() => clearInterval(timer));
    for (const id of CALL_FIELDS) element(id).hidden = false;
  }
  Object.assign(video, { loop: false, controls: false, srcObject: new MediaStream([track]) });
  await showFrames(source, canvas, called ? ["tiny-call", "small-call"] : ["tiny", "small"]);
  await video.play();
}

function open(blob: File): void {
  const show = blob.type.startsWith("video/") ? showVideo : showPicture;
  run(show(blob.name, blob));
}

/** What is interrupted by something else complains no more. */
function run(work: Promise<void>): void {
  const mine = current;
  work.catch((error: unknown) => {
    if (current !== mine) return;
    stop();
    complain(error);
  });
}

function listen(): void {
  file.addEventListener("change", () => {
    if (file.files?.[0] !== undefined) open(file.files[0]);
    file.value = "";
  });
  element("camera").addEventListener("click", () => run(showDevice(false)));
  element("call").addEventListener("click", () => run(showDevice(true)));
  element("stop").addEventListener("click", stop);
  network.addEventListener("change", () => current !== undefined && run(current.restart()));
  split.addEventListener("input", () => {
    view.style.setProperty("--split", `${split.value}%`);
    split.setAttribute("aria-valuetext", `${split.value} % bicubic`);
    current?.redraw?.();
  });
  view.addEventListener("pointermove", (event) => {
    if (event.buttons === 0 && event.pointerType !== "mouse") return;
    const { left, width } = view.getBoundingClientRect();
    split.value = String(Math.round((100 * (event.clientX - left)) / width));
    split.dispatchEvent(new Event("input"));
  });
  rate.addEventListener("input", () => {
    element("rate-value").textContent = `${rate.value} kbit/s`;
    rate.setAttribute("aria-valuetext", `${rate.value} kilobits a second`);
    void current?.call?.setRate(Number(rate.value)).catch(complain);
  });
  element<HTMLInputElement>("actual").addEventListener("change", (event) => view.classList.toggle("actual", (event.target as HTMLInputElement).checked));
  element("save").addEventListener("click", () => void save().catch(complain));
  for (const kind of ["dragover", "dragleave", "drop"] as const)
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      document.body.classList.toggle("over", kind === "dragover");
      const dropped = kind === "drop" ? event.dataTransfer?.files[0] : undefined;
      if (dropped !== undefined) open(dropped);
    });
}

async function save(): Promise<void> {
  const source = current;
  if (source?.picture === undefined) return;
  const url = URL.createObjectURL(await source.picture.png());
  const link = document.createElement("a");
  [link.href, link.download] = [url, `${source.name.replace(/\.[^.]*$/, "")}_2x.png`];
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

async function main(): Promise<void> {
  network.append(new Option("automatic", AUTOMATIC));
  listen();
  const answer = await fetch(new URL("index.json", base));
  if (!answer.ok) throw new Error("The list of networks could not be loaded.");
  const { networks } = (await answer.json()) as { networks: string[] };
  for (const name of networks) network.append(new Option(name, name));
  document.documentElement.dataset["ready"] = "";
}

main().catch(complain);
