// The page's side of the call. Text from the server is shown as text, never as markup.

const at = (id) => document.getElementById(id);
const EVERY_MS = 500;
const CONNECT_MS = 15_000;
const LOOK_MS = 3000;

let call = null; // {connection, stream, name, timer, looks}

/** The token that the printed address carries behind "#", where no server and no log sees it. */
const token = new URLSearchParams(location.hash.slice(1)).get("token");

async function ask(method, path, body) {
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
  const told = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw new Error(told.error ?? `the server answered ${response.status}`);
  return told;
}

function say(text, wrong = false) {
  at("message").textContent = text;
  at("message").classList.toggle("wrong", wrong);
}

const AUTO = "auto";
const FULL_LINES = 720;

async function pictures(lines) {
  if (at("source").value === "camera") {
    if (!navigator.mediaDevices) throw new Error("the browser gives a camera to https and localhost alone");
    const width = Math.round((lines * 16) / 9);
    return navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { width: { ideal: width }, height: { ideal: lines }, frameRate: { ideal: 30, max: 30 } },
    });
  }
  const [file] = at("file").files;
  if (!file) throw new Error("choose a video file first");
  const player = at("before");
  player.srcObject = null;
  player.src = URL.createObjectURL(file);
  player.loop = true;
  await player.play();
  const capture = player.captureStream ?? player.mozCaptureStream;
  if (!capture) throw new Error("this browser can't send a file: use the camera, or another browser");
  return capture.call(player);
}

async function start() {
  const auto = at("lines").value === AUTO;
  const lines = auto ? FULL_LINES : Number(at("lines").value);
  say("Connecting …");
  at("start").disabled = at("choices").disabled = true;
  at("stop").disabled = false;
  const stream = await pictures(lines);
  const connection = new RTCPeerConnection({ iceServers: [] });
  const mine = (call = { connection, stream, name: null, timer: 0, told: "", scale: 1 });
  const [track] = stream.getVideoTracks();
  track.contentHint = "motion";
  const before = at("before");
  if (at("source").value === "camera") before.srcObject = stream;
  at("size-row").hidden = !auto;
  const full = auto ? await fullSize(before) : undefined;
  const transceiver = connection.addTransceiver(track, { direction: "sendrecv", streams: [stream] });
  const known = RTCRtpReceiver.getCapabilities("video").codecs;
  const wanted = known.filter(({ mimeType }) => [at("codec").value, "video/rtx"].includes(mimeType));
  transceiver.setCodecPreferences(wanted);
  connection.addEventListener("track", ({ track: back }) => (at("after").srcObject = new MediaStream([back])));
  connection.addEventListener("connectionstatechange", () => {
    if (call === mine && connection.connectionState === "failed") stop("The connection failed.", true);
  });
  await connection.setLocalDescription(await connection.createOffer());
  await gathered(connection);
  const answer = await ask("POST", "call", { type: "offer", sdp: connection.localDescription.sdp, full });
  mine.name = answer.name;
  if (call !== mine) return; // stopped meanwhile
  await connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  if (auto) Object.assign(mine, { sender: transceiver.sender, looks: setInterval(() => look(mine, before), LOOK_MS) });
  else await shrink(transceiver.sender, track, lines);
  mine.timer = setInterval(() => refresh(mine), EVERY_MS);
  say("The call is on.");
}

/** What the player shows, in even numbers: what comes back has this size, whatever was sent. */
async function fullSize(player) {
  if (!player.videoWidth) await new Promise((done) => player.addEventListener("loadeddata", done, { once: true }));
  return { width: player.videoWidth & ~1, height: player.videoHeight & ~1 };
}

/** The middle of the picture before it is coded, as studio luma: the server sees from it whether it may be sent smaller. */
async function look(mine, player) {
  const [width, height] = [Math.min(player.videoWidth, 256), Math.min(player.videoHeight, 240)];
  if (call !== mine || Math.min(width, height) < 16) return;
  const to = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  to.drawImage(player, (width - player.videoWidth) >> 1, (height - player.videoHeight) >> 1);
  const { data } = to.getImageData(0, 0, width, height);
  const luma = new Uint8ClampedArray(width * height);
  for (let i = 0, k = 0; i < luma.length; i++, k += 4)
    luma[i] = 16 + (65.738 * data[k] + 129.057 * data[k + 1] + 25.064 * data[k + 2]) / 256;
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), "Content-Type": "application/octet-stream" };
  await fetch(`call/${mine.name}/look?width=${width}`, { method: "PUT", headers, body: luma }).catch(() => {});
}

/** The size that the server finds right for the bits that came. */
async function resize(mine, { scale, reason, bits_per_pixel: rate }) {
  at("size-scale").textContent = scale === 1 ? "full size" : `1/${scale} of it`;
  at("size-rate").textContent = rate === null ? "–" : `${rate.toFixed(4)} bits a pixel`;
  at("size-why").textContent = reason;
  const parameters = mine.sender.getParameters();
  if (scale === mine.scale || !parameters.encodings?.length) return;
  parameters.encodings[0].scaleResolutionDownBy = mine.scale = scale;
  await mine.sender.setParameters(parameters);
}

/** Cameras and files may have more lines than asked for: the sender makes fewer of them. */
async function shrink(sender, track, lines) {
  const { height } = track.getSettings();
  const parameters = sender.getParameters();
  if (!height || height <= lines || !parameters.encodings?.length) return;
  parameters.encodings[0].scaleResolutionDownBy = height / lines;
  await sender.setParameters(parameters);
}

function gathered(connection) {
  if (connection.iceGatheringState === "complete") return undefined;
  return new Promise((done) => {
    connection.addEventListener("icegatheringstatechange", () => connection.iceGatheringState === "complete" && done());
    setTimeout(done, 2000); // an address that takes longer isn't needed
  });
}

async function stop(text = "The call ended.", wrong = false) {
  const ended = call;
  call = null;
  at("start").disabled = at("choices").disabled = false;
  at("stop").disabled = true;
  say(text, wrong);
  if (!ended) return;
  clearInterval(ended.timer);
  clearInterval(ended.looks);
  ended.stream.getTracks().forEach((track) => track.stop());
  ended.connection.close();
  at("before").pause();
  if (ended.name) await ask("DELETE", `call/${ended.name}`).catch(() => {});
}

const size = ({ width, height }) => (width ? `${width}×${height}` : "–");
const entries = (counts) => Object.entries(counts).map(([name, count]) => [name.replaceAll("_", " "), count]);

async function refresh(mine) {
  let told;
  try {
    told = await ask("GET", `call/${mine.name}`);
  } catch (error) {
    if (call === mine) await stop(`No answer: ${error.message}.`, true);
    return;
  }
  if (call !== mine) return;
  const { received, made, sent, delay_ms: delay } = told;
  const show = (id, text) => (at(id).textContent = text);
  show("received-size", size(received));
  show("received-frames", received.frames);
  show("received-more", `${received.key_frames} key frames, ${received.lost} lost, ${received.dropped + made.dropped} dropped`);
  show("made-level", told.level ?? "–");
  show("made-frames", made.frames);
  show("made-more", `${made.p50_ms.toFixed(1)} ms, 99 %: ${made.p99_ms.toFixed(1)} ms, ${made.late} late`);
  show("sent-size", size(sent));
  show("sent-frames", sent.frames);
  show("sent-more", `${told.codec}, ${sent.key_frames} key frames, ${told.replaced} replaced by newer ones`);
  if (delay) {
    show("delay-median", `median ${delay.p50} ms`);
    show("delay-tail", `99 %: ${delay.p99} ms`);
  }
  show("delay-more", `${told.colour}; ${Math.round(told.seconds)} s`);
  const level = told.level ? `Now ${told.level}. Reason that it isn't better: ${told.reason}.` : "No picture yet.";
  if (level !== mine.told) show("level", (mine.told = level)); // a screen reader speaks at each change alone
  at("reasons").replaceChildren(
    ...[...entries(made.reasons), ...entries(made.levels)].flatMap(([name, count]) => {
      const [term, value] = [document.createElement("dt"), document.createElement("dd")];
      [term.textContent, value.textContent] = [name, `${count} frames`];
      return [term, value];
    }),
  );
  if (told.sending && mine.sender) await resize(mine, told.sending).catch(() => {});
  if (told.state === "ended") await stop(`The server ended the call: ${told.why}.`, true);
}

at("controls").addEventListener("submit", async (event) => {
  event.preventDefault();
  const limit = setTimeout(() => call && !call.name && stop("No answer came.", true), CONNECT_MS);
  try {
    await start();
  } catch (error) {
    await stop(`It can't start: ${error.message}.`, true);
  } finally {
    clearTimeout(limit);
  }
});
at("stop").addEventListener("click", () => stop());
at("source").addEventListener("change", () => (at("file-label").hidden = at("source").value !== "file"));
at("slider").addEventListener("input", ({ target }) => {
  at("stage").style.setProperty("--share", `${target.value}%`);
  target.setAttribute("aria-valuetext", `${target.value} % sent, ${100 - target.value} % upscaled`);
});
addEventListener("pagehide", () => call?.connection.close());
