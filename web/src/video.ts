// <video> elements: each frame that is shown, enlarged, on a canvas.

import { planesOf, samplesOf } from "./frame.js";
import type { Oriented, PlaneSamples } from "./frame.js";
import type { Live, Made } from "./live.js";
import { Screen } from "./screen.js";

export interface Shown extends Made<PlaneSamples> {
  /** what was enlarged */
  source: PlaneSamples;
}
export interface VideoOptions {
  /** draws each frame; default: all of it, twice as large */
  draw?: (screen: Screen, shown: Shown) => void;
  /** called with each frame that was drawn */
  told?: (shown: Shown) => void;
  /** false: a 2D canvas; default: WebGL where there is some */
  webgl?: boolean;
}

/** What a 2D canvas gives: without WebCodecs, and where they give what isn't seen that way. */
function copied(video: HTMLVideoElement, canvas: HTMLCanvasElement): PlaneSamples {
  const { videoWidth: width, videoHeight: height } = video;
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(video, 0, 0);
  return planesOf({ kind: "pixels", data: context.getImageData(0, 0, width, height).data, order: [0, 1, 2], width, height });
}

async function grabbed(video: HTMLVideoElement, canvas: HTMLCanvasElement): Promise<PlaneSamples> {
  if (typeof VideoFrame !== "function") return copied(video, canvas);
  const frame = new VideoFrame(video);
  try {
    // turned, as phones' are, or of pixels that aren't square: a canvas draws it as it is to be seen
    const { rotation, flip, visibleRect } = frame as Oriented;
    const { width, height } = visibleRect!;
    if (!rotation && !flip && width === video.videoWidth && height === video.videoHeight) return planesOf(await samplesOf(frame));
    return copied(video, canvas);
  } finally {
    frame.close();
  }
}

/** Draws a <video>'s frames, enlarged, on a canvas that has no context yet. Returns what ends it. */
export function upscaleVideo(video: HTMLVideoElement, canvas: HTMLCanvasElement, live: Live, options: VideoOptions = {}): () => void {
  const screen = new Screen(canvas, options.webgl ?? true);
  const between = document.createElement("canvas");
  const draw = options.draw ?? ((to, { frame, source }) => to.draw(frame, 2 * source.width, 2 * source.height));
  let running = true;
  let last: VideoFrameCallbackMetadata | undefined;
  const again = (): void => {
    if (typeof video.requestVideoFrameCallback === "function") video.requestVideoFrameCallback((_, about) => void shown(about));
    else requestAnimationFrame(() => void shown());
  };
  const shown = async (about?: VideoFrameCallbackMetadata): Promise<void> => {
    if (!running) return;
    again();
    if (about !== undefined) {
      const frames = about.presentedFrames - (last?.presentedFrames ?? about.presentedFrames);
      const rate = frames / (about.mediaTime - (last?.mediaTime ?? 0));
      if (frames > 0 && rate >= 1 && rate <= 120) live.fps += (rate - live.fps) / 8;
      last = about;
    }
    if (video.videoWidth === 0 || live.busy) return;
    try {
      const source = await grabbed(video, between);
      const made = await live.planes(source);
      if (made === undefined || !running) return;
      draw(screen, { ...made, source });
      options.told?.({ ...made, source });
    } catch {
      // a frame that can't be read, as one of another site or one that is gone: the next one may be
    }
  };
  again();
  return () => {
    running = false;
  };
}
