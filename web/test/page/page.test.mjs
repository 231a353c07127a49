// The page of `pocketsr web` in a headless Chromium: tests/web/test_page.py serves it at POCKETSR_PAGE and has put clips,
// pictures and the camera's film into POCKETSR_FILES, where what the page saves goes too.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const { POCKETSR_PAGE: address, POCKETSR_FILES: folder, POCKETSR_CHROMIUM: executablePath, POCKETSR_SCREENSHOTS: shots } = process.env;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE = { timeout: 60_000 };
let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${folder}/camera.y4m`],
  });
});
after(() => browser?.close());

/** The page in a context of its own. At the end nothing was asked of anybody else, and nothing was said on the console. */
async function opened(t, options = {}, script = undefined) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const [requests, said] = [[], []];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => message.type() === "error" && said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  page.said = said;
  if (script !== undefined) await page.addInitScript(script);
  await page.goto(address);
  await page.waitForSelector("html[data-ready]", { state: "attached" });
  t.after(async () => {
    await context.close();
    assert.deepEqual(requests.filter((url) => !url.startsWith(address) && !/^(blob|data):/.test(url)), []);
    assert.deepEqual(said, []);
  });
  return page;
}

const text = (page, id) => page.textContent(`#${id}`);
const shows = (page, id, pattern) =>
  page.waitForFunction(([id, source]) => new RegExp(source).test(document.getElementById(id).textContent), [id, pattern.source], PATIENCE);
const shown = (page) => page.waitForSelector("#result:not([hidden])", PATIENCE);
const pixel = (page, x, y) =>
  page.evaluate(([x, y]) => {
    const copy = new OffscreenCanvas(1, 1).getContext("2d");
    copy.drawImage(document.querySelector("#view canvas"), -x, -y);
    return [...copy.getImageData(0, 0, 1, 1).data];
  }, [x, y]);

/** A network that makes every frame: what the governor would choose depends on what else the machine does. */
const choose = (page, name) => page.selectOption("#network", name);

async function drop(page, name, type) {
  const content = readFileSync(`${folder}/${name}`).toString("base64");
  await page.evaluate(([content, name, type]) => {
    const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type }));
    for (const kind of ["dragover", "drop"])
      document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }, [content, name, type]);
}

async function saved(page, file) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  await download.saveAs(`${folder}/${file}`);
  return download.suggestedFilename();
}

/** What axe-core finds serious. Its script isn't the page's: evaluated from outside, past the policy. */
async function flaws(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

test("a picture that is dropped is enlarged, and saved", async (t) => {
  const page = await opened(t);
  await choose(page, "small-w8a8");
  await drop(page, "grey.png", "image/png");
  await shown(page);
  assert.equal(await text(page, "level"), "small-w8a8");
  assert.equal(await text(page, "reason"), "none");
  assert.equal(await text(page, "size"), "67x31 to 134x62");
  assert.equal(await saved(page, "saved.png"), "grey_2x.png");
  await choose(page, "tiny"); // the same picture again
  await shows(page, "level", /^tiny$/);
  await saved(page, "saved-tiny.png");
});

test("the slider goes by keyboard: what is bicubic, and what isn't", async (t) => {
  const page = await opened(t);
  await page.setInputFiles("#file", `${folder}/grey.png`);
  await shown(page);
  const at = {};
  await page.focus("#split");
  for (const key of ["Home", "End", "ArrowLeft"]) {
    await page.keyboard.press(key);
    at[key] = await page.evaluate(() => document.querySelector("#view canvas").toDataURL());
    assert.equal(await page.getAttribute("#split", "aria-valuetext"), { Home: "0 % bicubic", End: "100 % bicubic", ArrowLeft: "99 % bicubic" }[key]);
  }
  assert.equal(new Set(Object.values(at)).size, 3);
});

test("all controls are reached by keyboard, in order", async (t) => {
  const page = await opened(t);
  const ids = [];
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press("Tab");
    ids.push(await page.evaluate(() => document.activeElement.id));
  }
  assert.deepEqual(ids, ["file", "camera", "call", "network"]);
});

for (const [name, codec] of [["vp8.webm", "vp8"], ["vp9.webm", "vp09.00.10.08"], ["h264.mp4", "avc1.42E01E"]])
  test(`a video: ${name}`, async (t) => {
    const page = await opened(t);
    const type = name.endsWith("mp4") ? "video/mp4" : "video/webm";
    const plays = await page.evaluate((type) => document.createElement("video").canPlayType(type), `${type}; codecs="${codec}"`);
    if (plays === "") return t.skip(`this Chromium plays no ${codec}`);
    await choose(page, "tiny");
    await drop(page, name, type);
    await shows(page, "level", /^tiny$/);
    await shows(page, "fps", /^[1-9]/);
    assert.equal(await text(page, "size"), "160x96 to 320x192");
    for (const x of [40, 280]) { // bicubic and network: an orange wall
      const [r, g, b] = await pixel(page, x, 100);
      assert.ok(Math.abs(r - 200) < 12 && Math.abs(g - 120) < 12 && Math.abs(b - 40) < 14, `${x}: ${r} ${g} ${b}`);
    }
  });

test("a size that changes in the middle of a video", async (t) => {
  const page = await opened(t);
  await choose(page, "tiny");
  await drop(page, "sizes.webm", "video/webm");
  for (const size of [/^160x96 to 320x192$/, /^96x64 to 192x128$/, /^160x96 to 320x192$/]) await shows(page, "size", size);
  assert.equal(await text(page, "error"), "");
});

test("a video that was taken with the phone upright", async (t) => {
  const page = await opened(t);
  await choose(page, "tiny");
  await drop(page, "turned.mp4", "video/mp4");
  await shows(page, "size", /^96x160 to 192x320$/);
  await shows(page, "fps", /^[1-9]/);
  for (const x of [20, 170]) { // bicubic and network
    const [above, below] = [await pixel(page, x, 40), await pixel(page, x, 280)];
    assert.ok(above[0] > 150 && above[2] < 90 && below[0] < 90 && below[2] > 150, `${x}: ${above} ${below}`);
  }
});

test("a network of the list that no ladder has makes videos", async (t) => {
  const page = await opened(t);
  await choose(page, "steep-tiny");
  await drop(page, "vp8.webm", "video/webm");
  await shows(page, "level", /^steep-tiny$/);
  assert.equal(await text(page, "reason"), "none");
});

test("workers that can't be loaded: the picture all the same", async (t) => {
  const page = await opened(t, {}, () => {
    const Real = Worker;
    globalThis.Worker = class extends Real {
      constructor(url, options) {
        super(new URL("nowhere.js", url), options);
      }
    };
  });
  await choose(page, "small-w8a8");
  await drop(page, "grey.png", "image/png");
  await shown(page);
  assert.deepEqual([await text(page, "level"), await text(page, "reason")], ["small-w8a8", "none"]);
  page.said.length = 0; // the browser's own words
});

test("the camera, with the native bits", async (t) => {
  const page = await opened(t);
  await choose(page, "small-w8a8");
  await page.click("#camera");
  await shows(page, "level", /^small-w8a8$/);
  assert.equal(await text(page, "size"), "192x108 to 384x216");
  await page.fill("#split", "0");
  const made = await page.evaluate(() => {
    const canvas = document.querySelector("#view canvas");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
    copy.drawImage(canvas, 0, 0);
    return Array.from(copy.getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 === 1));
  });
  const native = readFileSync(`${folder}/camera.expected`); // luma, studio range; the film is grey
  const off = made.map((value, i) => Math.abs(value - Math.max(0, Math.min(255, ((native[i] - 16) * 255) / 219))));
  assert.equal(off.length, native.length);
  assert.ok(Math.max(...off) <= 1, `${Math.max(...off)} levels`);
  await page.click("#stop");
  assert.ok(await page.isHidden("#result"));
});

test("a call with oneself, at a bitrate that can be set", async (t) => {
  const page = await opened(t, {}, () => {
    const set = RTCRtpSender.prototype.setParameters;
    globalThis.rates = [];
    RTCRtpSender.prototype.setParameters = function (parameters) {
      globalThis.rates.push(parameters.encodings[0].maxBitrate);
      return set.call(this, parameters);
    };
  });
  await choose(page, "tiny-call");
  await page.click("#call");
  await shows(page, "received", /^[1-9]\d* kbit\/s (VP8|VP9|H264|AV1), \d+x\d+$/);
  await shows(page, "fps", /^[1-9]/);
  await page.focus("#rate");
  await page.keyboard.press("Home");
  assert.equal(await text(page, "rate-value"), "30 kbit/s");
  await shows(page, "sent", /^\d+x\d+.*: (the picture is too crisp|there are bits enough)/); // it is noise
  await page.uncheck("#adapt");
  await shows(page, "sent", /^\d+x\d+.*: always the full size$/);
  assert.deepEqual([...new Set(await page.evaluate(() => globalThis.rates))], [150_000, 30_000]);
  assert.equal(await text(page, "level"), "tiny-call");
});

test("a call with few bits sends a smaller size, and says why", async (t) => {
  const page = await opened(t, {}, () => {
    navigator.mediaDevices.getUserMedia = async () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
      const context = canvas.getContext("2d");
      let at = 0;
      setInterval(() => { // a soft light that moves
        const light = context.createRadialGradient(320 + (at++ % 60), 180, 10, 320, 180, 400);
        light.addColorStop(0, "#fff");
        light.addColorStop(1, "#024");
        context.fillStyle = light;
        context.fillRect(0, 0, 640, 360);
      }, 50);
      return canvas.captureStream(20);
    };
    const get = RTCRtpSender.prototype.getStats;
    RTCRtpSender.prototype.getStats = async function () { // few bits, however few frames a busy machine encodes
      const report = await get.call(this);
      return new Map([...report].map(([id, each]) => [id, each.type === "outbound-rtp" ? { ...each, bytesSent: each.bytesSent / 50 } : each]));
    };
  });
  await choose(page, "tiny-call");
  await page.click("#call");
  await shows(page, "received", /640x360$/);
  await shows(page, "sent", /^(320x180|42[678]x240), 1\/(2|1\.5) of the full size, 0\.0\d+ bits a pixel: with so few bits/);
  await shows(page, "received", /(320x180|42[678]x240)$/);
  await page.uncheck("#adapt");
  await shows(page, "received", /640x360$/);
});

test("automatic: the governor's choice, and its reason", async (t) => {
  const page = await opened(t);
  await page.click("#camera");
  await shows(page, "reason", /^(none|over budget|size too large|battery)$/);
  assert.match(await text(page, "level"), /^(the GPU \(bicubic\)|bicubic|tiny|small)$/);
  assert.notEqual(await text(page, "reason-text"), "");
});

test("a hidden tab rests", async (t) => {
  const page = await opened(t);
  await choose(page, "tiny");
  await page.click("#camera");
  await shows(page, "level", /^tiny$/);
  await page.evaluate(() => Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true }));
  await shows(page, "reason", /^hidden$/);
  await shows(page, "level", /bicubic/);
  await page.evaluate(() => delete document.visibilityState);
  await shows(page, "reason", /^(?!hidden)/);
});

test("without SIMD: bicubic, and the reason", async (t) => {
  const page = await opened(t, {}, () => (WebAssembly.validate = () => false));
  await drop(page, "grey.png", "image/png");
  await shown(page);
  assert.deepEqual([await text(page, "level"), await text(page, "reason")], ["bicubic", "no simd"]);
});

test("without WebGL and insertable streams: the camera all the same", async (t) => {
  const page = await opened(t, {}, () => {
    delete globalThis.MediaStreamTrackProcessor;
    const get = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
      return kind === "webgl2" ? null : get.call(this, kind, ...more);
    };
  });
  await page.click("#camera");
  await shows(page, "fps", /^[1-9]/);
  const grey = await pixel(page, 300, 100);
  assert.ok(grey[3] === 255 && Math.abs(grey[0] - grey[2]) <= 1 && grey[0] > 0, `${grey}`);
});

for (const [name, type, message] of [["notes.txt", "text/plain", /no picture/], ["notes.txt", "video/webm", /can't play/]])
  test(`a file that is none, as ${type}: one sentence`, async (t) => {
    const page = await opened(t);
    await drop(page, name, type);
    await shows(page, "error", message);
    assert.ok(await page.isHidden("#result"));
    page.said.length = 0; // the browser's own words
  });

for (const colorScheme of ["light", "dark"])
  for (const [kind, viewport] of [["wide", { width: 1280, height: 900 }], ["narrow", { width: 320, height: 640 }]])
    test(`nothing serious is found: ${colorScheme}, ${kind}`, async (t) => {
      const page = await opened(t, { colorScheme, viewport });
      const found = kind === "wide" ? await flaws(page) : [];
      await drop(page, "photo.png", "image/png");
      await shown(page);
      found.push(...(await flaws(page)));
      if (shots) await page.screenshot({ path: `${shots}/${colorScheme}-${kind}.png`, fullPage: true });
      assert.deepEqual(found, []);
      const widths = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(widths[0] <= widths[1], `it is ${widths[0] - widths[1]} pixels too wide`);
    });
