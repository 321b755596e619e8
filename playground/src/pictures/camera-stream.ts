/** The camera's pictures. */
import { PageError } from "../engine/failure";

const reasons: Readonly<Record<string, string>> = {
  NotAllowedError:
    "The camera may not be used here; allow it for this page in the browser's settings, or choose picture files.",
  NotFoundError: "There is no camera here; choose picture files instead.",
  OverconstrainedError: "There is no such camera here; choose picture files instead.",
  NotReadableError: "The camera is in use by another program; close that one, or choose picture files.",
};

/** A phone's rear camera first. Throws PageError. */
export async function openCamera(facing: "environment" | "user"): Promise<MediaStream> {
  const { mediaDevices } = navigator;
  if (!mediaDevices)
    throw new PageError(
      isSecureContext
        ? "This browser gives pages no camera; choose picture files instead."
        : "Browsers give the camera only to pages from https:// or from localhost; choose picture files instead.",
    );
  try {
    return await mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: { ideal: facing }, width: { ideal: 1280 }, height: { ideal: 960 } },
    });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw new PageError(reasons[name] ?? "The camera does not start; choose picture files instead.");
  }
}

/** What the camera shows now, as a JPEG file. Throws PageError. */
export async function photographed(video: HTMLVideoElement): Promise<Blob> {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  const blob = await new Promise<Blob | null>((resolve) => {
    canvas.toBlob(resolve, "image/jpeg", 0.95);
  });
  if (!blob) throw new PageError("The camera has no picture yet; wait a moment and try again.");
  return blob;
}

export const stop = (stream: MediaStream | undefined): void => {
  for (const track of stream?.getTracks() ?? []) track.stop();
};
