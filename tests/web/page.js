// What a page does with the package; test_chromium.py compares.
import { Screen, createLive, createUpscaler, upscaleTrack } from "./dist/index.js";

const [WIDTH, HEIGHT] = [67, 31];
const hex = (bytes) => Array.from(bytes, (value) => value.toString(16).padStart(2, "0")).join("");
const data = async (file) => new Uint8Array(await (await fetch(file)).arrayBuffer());

async function planesOf(frame) {
  const bytes = new Uint8Array(frame.allocationSize());
  const layout = await frame.copyTo(bytes);
  const { width, height } = frame.visibleRect;
  return { format: frame.format, width, height, timestamp: frame.timestamp, duration: frame.duration,
    matrix: frame.colorSpace.matrix, fullRange: frame.colorSpace.fullRange,
    luma: hex(bytes.subarray(layout[0].offset, layout[0].offset + width * height)),
    u: bytes[layout[1].offset], v: bytes[layout[2].offset] };
}

async function main() {
  const y = await data("luma.in");
  const result = { isolated: self.crossOriginIsolated };
  const upscaler = await createUpscaler("small-w8a8", { base: new URL("./networks/", location), workers: 2 });
  result.reason = upscaler.reason;
  result.workers = upscaler.workers;
  result.plane = hex(await upscaler.plane(y, WIDTH, HEIGHT));
  const [cw, ch] = [Math.ceil(WIDTH / 2), Math.ceil(HEIGHT / 2)];
  const coded = { codedWidth: WIDTH, codedHeight: HEIGHT, timestamp: 1234, duration: 33,
    colorSpace: { matrix: "smpte170m", fullRange: false, primaries: "smpte170m", transfer: "smpte170m" } };
  for (const format of ["I420", "NV12"]) {
    const buffer = new Uint8Array(WIDTH * HEIGHT + 2 * cw * ch);
    buffer.set(y);
    for (let i = 0; i < 2 * cw * ch; i++)
      buffer[WIDTH * HEIGHT + i] = (format === "NV12" ? i % 2 === 0 : i < cw * ch) ? 90 : 170;
    const frame = new VideoFrame(buffer, { format, ...coded });
    const made = await upscaler.frame(frame);
    result[format] = await planesOf(made);
    made.close();
    frame.close();
  }
  // a part of a frame, as cameras give
  const wide = new Uint8Array(64 * 64 * 1.5).fill(128);
  for (let i = 0; i < 64 * 64; i++) wide[i] = i % 64 < 48 && i < 64 * 32 ? 60 : 200;
  const part = new VideoFrame(wide, { format: "I420", codedWidth: 64, codedHeight: 64, timestamp: 0,
    visibleRect: { x: 0, y: 0, width: 48, height: 32 } });
  const large = await upscaler.frame(part);
  result.part = [large.displayWidth, large.displayHeight, (await planesOf(large)).luma.slice(-2)];
  const turned = new VideoFrame(wide, { format: "I420", codedWidth: 64, codedHeight: 64, timestamp: 0, displayWidth: 96,
    displayHeight: 64, rotation: 90, flip: true });
  const made = await upscaler.frame(turned);
  const orientation = (frame) => [frame.rotation, frame.flip, frame.displayWidth, frame.displayHeight];
  result.turned = { from: orientation(turned), to: orientation(made) };
  const wideGamut = { primaries: "smpte432", transfer: "iec61966-2-1", matrix: "rgb", fullRange: true };
  const solid = new VideoFrame(new Uint8Array(4 * 8 * 6), { format: "RGBX", codedWidth: 8, codedHeight: 6, timestamp: 0, colorSpace: wideGamut });
  const large2 = await upscaler.frame(solid);
  const bytes = new Uint8Array(large2.allocationSize());
  await large2.copyTo(bytes);
  result.solid = [large2.format, bytes[3], large2.colorSpace.primaries];
  result.gamut = (await upscaler.imageData(new ImageData(8, 6, { colorSpace: "display-p3" }))).colorSpace;
  const picture = new ImageData(new Uint8ClampedArray(4 * 8 * 6).fill(200), 8, 6);
  const enlarged = await upscaler.imageData(picture);
  result.picture = [enlarged.width, enlarged.height, ...enlarged.data.slice(0, 4)];
  upscaler.close();

  const live = await createLive({ networks: ["tiny"], base: new URL("./networks/", location), workers: 1 });
  result.live = [];
  for (let i = 0; i < 14; i++) {
    const frame = new VideoFrame(wide, { format: "I420", codedWidth: 64, codedHeight: 64, timestamp: i });
    const { frame: made, level, reason } = await live.next(frame);
    result.live.push([made.displayWidth, level, reason]);
    if (made !== frame) made.close();
    frame.close();
  }
  // the camera of --use-fake-device-for-media-stream, through the track's transform, and as browsers without one do it
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
  const sizeOf = async (track) => {
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = new MediaStream([track]);
    await video.play();
    const until = performance.now() + 20_000;
    while (video.videoWidth !== 640 && performance.now() < until) await new Promise((done) => setTimeout(done, 50));
    track.stop();
    return [track.kind, video.videoWidth, video.videoHeight];
  };
  result.track = await sizeOf(upscaleTrack(stream.getVideoTracks()[0], live));
  delete globalThis.MediaStreamTrackGenerator;
  result.canvas = await sizeOf(upscaleTrack(stream.getVideoTracks()[0], live));
  delete globalThis.VideoFrame;
  delete HTMLVideoElement.prototype.requestVideoFrameCallback;
  result.oldest = await sizeOf(upscaleTrack(stream.getVideoTracks()[0], live));

  // planes on a canvas, with a GPU and without
  const planes = { kind: "planes", format: "I420", y: y, width: WIDTH, height: HEIGHT, lumaWidth: WIDTH, lumaHeight: HEIGHT,
    u: new Uint8Array(cw * ch).map((_, i) => 100 + (i % cw)), v: new Uint8Array(cw * ch).map((_, i) => 150 - Math.floor(i / cw)),
    chromaWidth: cw, chromaHeight: ch, ssx: 2, ssy: 2 };
  result.screens = {};
  for (const [name, tags] of [["601", { matrix: "smpte170m", full: false }], ["709", { matrix: "bt709", full: true }], ["none", { matrix: null, full: false }]])
    for (const webgl of [true, false]) {
      const screen = new Screen(document.createElement("canvas"), webgl);
      screen.draw({ ...planes, ...tags });
      screen.draw({ ...planes, ...tags }, 2 * WIDTH, 2 * HEIGHT);
      const copy = new OffscreenCanvas(2 * WIDTH, 2 * HEIGHT).getContext("2d");
      copy.drawImage(screen.canvas, 0, 0);
      result.screens[`${name} ${screen.kind}`] = hex(copy.getImageData(0, 0, 2 * WIDTH, 2 * HEIGHT).data);
    }
  const half = new Screen(document.createElement("canvas"));
  half.draw({ ...planes, y: new Uint8Array(WIDTH * HEIGHT).fill(235), u: planes.u.map(() => 128), v: planes.v.map(() => 128), matrix: null, full: false });
  half.draw({ ...planes, y: new Uint8Array(WIDTH * HEIGHT).fill(16), u: planes.u.map(() => 128), v: planes.v.map(() => 128), matrix: null, full: false }, WIDTH, HEIGHT, 0.5, 1);
  const copy = new OffscreenCanvas(WIDTH, HEIGHT).getContext("2d");
  copy.drawImage(half.canvas, 0, 0);
  result.half = [0, 33, 34, 66].map((x) => copy.getImageData(x, 5, 1, 1).data[0]);
  return result;
}

const send = (value) => fetch("/result", { method: "POST", body: JSON.stringify(value) });
main().then(send, (error) => send({ failed: String(error.stack ?? error) }));
