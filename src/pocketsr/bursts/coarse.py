"""The rough place of a frame: features, phase correlation and ECC on small copies, and their optical flow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketsr.bursts.opencv import Plane32, opencv

__all__ = ["Rough", "rough_motion"]

_AREA = 1_000_000  # pixels of a small copy at most
_FEATURES, _RATIO, _NEAR_PX, _LEAST = 1500, 0.75, 2.0, 12
_SURE = 0.95  # correlation: features can tell nothing better
_SAME = 1.0  # squared levels, of flat frames
_SMOOTHING = 5  # pixels: of ECC's Gaussian
_STEPS, _PRECISION = 50, 1e-5
_LEAST_SIDE = 24  # pixels: below, optical flow has no pyramid


class Rough:
    """matrix: (3, 3), frame to reference. correlation: of the two there, -1..1. flow: (H, W, 2) of the small frame,
    what is left between it and the reference moved by `matrix`, in pixels of the frame."""

    def __init__(self, matrix: NDArray[np.float64], correlation: float, flow: Plane32) -> None:
        self.matrix, self.correlation, self.flow = matrix, correlation, flow


def rough_motion(reference: NDArray[np.uint16], frame: NDArray[np.uint16]) -> Rough:
    """Of two lumas of one size."""
    height, width = frame.shape
    factor = max(1, int(np.ceil(np.sqrt(height * width / _AREA))))
    small, other = (_shrunk(plane, factor) for plane in (reference, frame))
    best, correlation = _best(small, other, [np.eye(3), _phase(small, other)])
    if correlation < _SURE:
        found = _by_features(small, other)
        if found is not None:
            best, correlation = _best(small, other, [best, found])
    flow = _flow(small, other, best) * factor
    step = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2], [0, 0, 1]])
    return Rough(step @ best @ np.linalg.inv(step), correlation, flow)


def _best(
    reference: NDArray[np.uint8], frame: NDArray[np.uint8], tried: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], float]:
    """The best of some beginnings, made better, and its correlation."""
    correlation, best = max(((_correlation(reference, frame, each), each) for each in tried), key=lambda pair: pair[0])
    refined = _ecc(reference, frame, best)
    after = _correlation(reference, frame, refined)
    return (refined, after) if after >= correlation else (best, correlation)


def _shrunk(plane: NDArray[np.uint16], factor: int) -> NDArray[np.uint8]:
    cv2 = opencv()
    height, width = (side // factor for side in plane.shape)
    cropped = plane[: height * factor, : width * factor]
    if factor > 1:
        cropped = cv2.resize(cropped, (width, height), interpolation=cv2.INTER_AREA)
    made: NDArray[np.uint8] = np.rint(cropped * np.float32(1 / 257)).astype(np.uint8)
    return made


def _moved(reference: NDArray[Any], matrix: NDArray[np.float64]) -> NDArray[Any]:
    """The reference as the frame should show it."""
    cv2 = opencv()
    size = reference.shape[1], reference.shape[0]
    moved: NDArray[Any] = cv2.warpPerspective(
        reference, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT
    )
    return moved


def _correlation(reference: NDArray[np.uint8], frame: NDArray[np.uint8], matrix: NDArray[np.float64]) -> float:
    """Of the two where they overlap, which must be a quarter of the frame; else -1. Flat ones correlate if they are
    alike."""
    cv2 = opencv()
    inside = _moved(np.ones_like(reference), matrix) > 0
    if inside.mean() < 0.25:
        return -1.0
    a, b = (
        cv2.GaussianBlur(each.astype(np.float32), (0, 0), 1.0)[inside] for each in (_moved(reference, matrix), frame)
    )
    alike = np.square(a - b).mean() < _SAME
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a * a).mean() * (b * b).mean()))
    return float((a * b).mean()) / spread if spread > 1e-3 else float(alike)


def _phase(reference: NDArray[np.uint8], frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    cv2 = opencv()
    if min(frame.shape) == 1:  # OpenCV (5.0) has no window for a line, and no peak in a column
        return np.eye(3)
    window = cv2.createHanningWindow((frame.shape[1], frame.shape[0]), cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(frame.astype(np.float32), reference.astype(np.float32), window)
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def _by_features(reference: NDArray[np.uint8], frame: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    cv2 = opencv()
    sift = cv2.SIFT_create(_FEATURES)
    places, words = sift.detectAndCompute(frame, None)
    other_places, other_words = sift.detectAndCompute(reference, None)
    if words is None or other_words is None or len(other_words) < 2:
        return None
    pairs = [pair for pair in cv2.BFMatcher(cv2.NORM_L2).knnMatch(words, other_words, k=2) if len(pair) == 2]
    good = [one for one, two in pairs if one.distance < _RATIO * two.distance]
    if len(good) < _LEAST:
        return None
    here = np.array([places[each.queryIdx].pt for each in good], np.float32)
    there = np.array([other_places[each.trainIdx].pt for each in good], np.float32)
    cv2.setRNGSeed(0)  # the same frames give the same picture
    affine, inliers = cv2.estimateAffine2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=_NEAR_PX)
    if affine is None or inliers.sum() < _LEAST:
        return None
    matrix = np.vstack([affine, [0.0, 0.0, 1.0]])
    if inliers.sum() < 4 * _LEAST:
        return matrix
    whole, _ = cv2.findHomography(here, there, cv2.RANSAC, _NEAR_PX)
    return matrix if whole is None else np.asarray(whole, np.float64)


def _ecc(reference: NDArray[np.uint8], frame: NDArray[np.uint8], start: NDArray[np.float64]) -> NDArray[np.float64]:
    """`start` made better by maximising the enhanced correlation coefficient (Evangelidis and Psarakis, 2008)."""
    cv2 = opencv()
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, _PRECISION)
    try:
        _, found = cv2.findTransformECC(
            frame, reference, start.astype(np.float32), cv2.MOTION_HOMOGRAPHY, criteria, None, _SMOOTHING
        )
    except cv2.error:  # it doesn't converge, or sees nothing to go by
        return start
    made: NDArray[np.float64] = found.astype(np.float64)
    return made if np.isfinite(made).all() else start


def _flow(reference: NDArray[np.uint8], frame: NDArray[np.uint8], matrix: NDArray[np.float64]) -> Plane32:
    """By dense inverse search (Kroeger et al., ECCV 2016)."""
    cv2 = opencv()
    nothing = np.zeros((*frame.shape, 2), np.float32)
    if min(frame.shape) < _LEAST_SIDE:
        return nothing
    try:
        search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        flow: Plane32 = search.calc(frame, _moved(reference, matrix), None)
    except cv2.error:
        return nothing
    return flow if np.isfinite(flow).all() else nothing
