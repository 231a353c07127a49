// A camera's or a call's track, enlarged: MediaStreamTrack to MediaStreamTrack.

import { Live } from "./live.js";
import type { Result } from "./live.js";
import { upscaleVideo } from "./video.js";

export interface TrackOptions {
  /** called with what is known of each frame */
  told?: (result: Omit<Result, "frame">) => void;
}

/**
 * By insertable streams where the browser has them; else (Firefox, Safari) by a <video> and a canvas, which gives as many
 * frames as are shown. The result ends when `track` does; stopping it leaves `track` as it is.
 */
export function upscaleTrack(track: MediaStreamTrack, live: Live, options: TrackOptions = {}): MediaStreamTrack {
  const { MediaStreamTrackProcessor: Processor, MediaStreamTrackGenerator: Generator } = globalThis as any;
  live.fps = track.getSettings().frameRate || live.fps;
  if (Processor === undefined || Generator === undefined) return byCanvas(track, live, options);
  const made = new Generator({ kind: "video" });
  const transform = new TransformStream<VideoFrame, VideoFrame>({
    async transform(frame, controller) {
      const result = await live.next(frame);
      if (result?.frame !== frame) frame.close();
      if (result === undefined) return;
      options.told?.(result);
      controller.enqueue(result.frame);
    },
  });
  const { readable } = new Processor({ track, maxBufferSize: 1 }) as { readable: ReadableStream<VideoFrame> };
  void readable.pipeThrough(transform).pipeTo(made.writable).catch(() => undefined); // the track ended
  return made as MediaStreamTrack;
}

function byCanvas(track: MediaStreamTrack, live: Live, { told }: TrackOptions): MediaStreamTrack {
  const video = document.createElement("video");
  const canvas = document.createElement("canvas");
  Object.assign(video, { muted: true, playsInline: true, srcObject: new MediaStream([track]) });
  // a canvas gives frames only once it has a context
  const stop = upscaleVideo(video, canvas, live, {
    told: (shown) => {
      if (made.readyState === "ended") end();
      else told?.(shown);
    },
  });
  const made = canvas.captureStream().getVideoTracks()[0]!;
  const end = (): void => {
    stop();
    made.stop();
    video.srcObject = null;
  };
  track.addEventListener("ended", end);
  video.play().catch(end);
  return made;
}
