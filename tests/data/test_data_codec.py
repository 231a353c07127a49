"""Codecs in real time: what comes back, and that it comes back the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pocketsr.codec import encoding
from pocketsr.data import (
    CODECS,
    Clip,
    Codec,
    CodecSetting,
    codec_pairs,
    degrade_clip,
    draw_setting,
    ladder,
    pair_from,
    pan,
)
from pocketsr.errors import UserError
from pocketsr.pixels import psnr


def _clip(height: int, width: int, frames: int) -> list[np.ndarray]:
    """A textured picture that wanders, each frame a little brighter: which frame came back can be told."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 160, (height // 4 + 8, width // 4 + 8))
    photo = np.kron(coarse, np.ones((4, 4))) + rng.normal(0, 4, (4 * coarse.shape[0], 4 * coarse.shape[1]))
    windows = pan(photo.astype(np.uint8), (height, width), frames, np.random.default_rng(2))
    return [window + np.uint8(2 * number) for number, window in enumerate(windows)]


def _setting(codec: Codec, kbps: int, interval: int = 60) -> CodecSetting:
    return CodecSetting(codec=codec, bit_rate_kbps=kbps, fps=30.0, keyframe_interval=interval)


@pytest.mark.parametrize("codec", CODECS)
def test_every_frame_comes_back_in_order_at_its_size(codec: Codec) -> None:
    frames = _clip(73, 97, 12)  # odd sides
    decoded = degrade_clip(frames, _setting(codec, 400))
    assert [frame.shape for frame in decoded] == [(73, 97)] * 12
    assert all(frame.dtype == np.uint8 for frame in decoded)
    for number, frame in enumerate(decoded):
        nearest = max(range(12), key=lambda k: psnr(frame, frames[k]))
        assert nearest == number
    assert not np.array_equal(decoded[-1], frames[-1])  # it was lossy


@pytest.mark.parametrize("codec", CODECS)
def test_fewer_bits_give_a_worse_picture(codec: Codec) -> None:
    frames = _clip(72, 96, 20)

    def mean_psnr(kbps: int) -> float:
        decoded = degrade_clip(frames, _setting(codec, kbps))
        return float(np.mean([psnr(*two) for two in zip(decoded, frames, strict=True)]))

    assert mean_psnr(50) + 1 < mean_psnr(800)


@pytest.mark.parametrize("codec", CODECS)
def test_the_same_setting_gives_the_same_frames(codec: Codec) -> None:
    frames = _clip(72, 96, 10)
    np.testing.assert_array_equal(*(degrade_clip(frames, _setting(codec, 100)) for _ in range(2)))


def test_an_encoder_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(encoding.encode.__globals__["_ENCODERS"], "h264", ("no_such_encoder", lambda _: {}))
    with pytest.raises(UserError, match=r"h264 can't be used for 96x72 at 100 kbit/s .*: leave this codec out"):
        degrade_clip(_clip(72, 96, 1), _setting("h264", 100))


def test_the_ladder_goes_by_pixel_count() -> None:
    assert ladder(640, 360) == (150, 300, 600, 1200)
    assert ladder(320, 240) == (50, 100, 200, 400)  # a third of the pixels


def test_settings_are_drawn_from_all_that_there_are() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_setting(640, 360, rng) for _ in range(100)]
    assert {setting.codec for setting in drawn} == set(CODECS)
    assert {setting.bit_rate_kbps for setting in drawn} == {150, 300, 600, 1200}
    assert {draw_setting(640, 360, rng, codecs=("vp9",)).codec for _ in range(10)} == {"vp9"}


def test_pairs_hold_the_hr_frame_and_what_the_codec_left_of_its_lr() -> None:
    frames = _clip(144, 192, 9)
    pairs, (record,) = codec_pairs([Clip("a.mkv", frames)], 3, codecs=("h264",), skip=2, take_every=3)
    assert [pair.name.partition(" ")[0] for pair in pairs] == ["a.mkv#00002", "a.mkv#00005", "a.mkv#00008"]
    assert {pair.file for pair in pairs} == {"a.mkv"}
    setting = CodecSetting(**{key: record[key] for key in CodecSetting.__dataclass_fields__})
    decoded = degrade_clip([pair_from("", frame).lr for frame in frames], setting)
    for pair, number in zip(pairs, (2, 5, 8), strict=True):
        np.testing.assert_array_equal(pair.hr, frames[number])
        np.testing.assert_array_equal(pair.lr, decoded[number])
    assert json.loads(json.dumps(record)) == record
    assert (record["clip"], record["seed"], record["skip"], record["take_every"]) == ("a.mkv", 3, 2, 3)


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_a_drawing_depends_on_seed_and_clip_alone(codec: Codec) -> None:
    one, other = Clip("one.mkv", _clip(144, 192, 6)), Clip("other.mkv", _clip(144, 192, 6)[::-1])
    pairs, records = codec_pairs([one], 0, encodings=2, codecs=(codec,), skip=0, take_every=5)
    again, more = codec_pairs([other, one], 0, encodings=2, codecs=(codec,), skip=0, take_every=5)
    assert more[2:] == records
    assert len(pairs) == 4
    for pair, same in zip(pairs, again[4:], strict=True):
        assert pair.name == same.name
        np.testing.assert_array_equal(pair.lr, same.lr)


def test_seeds_and_draws_and_clips_draw_differently() -> None:
    frames = _clip(32, 48, 1)

    def settings(seed: int, name: str = "one") -> list[tuple[object, ...]]:
        records = codec_pairs([Clip(name, frames)], seed, encodings=6, codecs=("h264",), skip=1)[1]
        return [(record["bit_rate_kbps"], record["fps"], record["keyframe_interval"]) for record in records]

    assert settings(0) == settings(0)
    assert len({tuple(settings(0)), tuple(settings(1)), tuple(settings(0, "two"))}) == 3
    assert len(set(settings(0))) > 1


def test_the_cache_answers_in_the_encoders_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = Clip("sub/a.mkv", _clip(144, 192, 6))
    calls = []

    def counted(frames: list[np.ndarray], setting: CodecSetting) -> list[np.ndarray]:
        calls.append(setting)
        return degrade_clip(frames, setting)

    def made(of: Clip = clip, seed: int = 0) -> list[np.ndarray]:
        return [pair.lr for pair in codec_pairs([of], seed, codecs=("h264",), skip=1, take_every=2, cache=tmp_path)[0]]

    monkeypatch.setitem(codec_pairs.__globals__, "degrade_clip", counted)
    first = made()
    assert len(calls) == 1
    np.testing.assert_array_equal(made(), first)
    assert len(calls) == 1
    assert len(list(tmp_path.glob("a-h264-*.npz"))) == 1
    (record,) = (json.loads(path.read_text()) for path in tmp_path.glob("*.json"))
    assert (record["clip"], record["seed"]) == ("sub/a.mkv", 0)
    made(Clip(clip.name, clip.frames[::-1]))  # other frames under the same name
    made(seed=1)
    assert len(calls) == 3
    for entry in tmp_path.glob("*.npz"):
        entry.write_bytes(entry.read_bytes()[:100])  # broken off
    np.testing.assert_array_equal(made(), first)
    assert len(calls) == 4


def test_a_clip_shorter_than_what_is_skipped_gives_no_pairs(tmp_path: Path) -> None:
    for _ in range(2):
        pairs, records = codec_pairs([Clip("a", _clip(144, 192, 3))], 0, codecs=("h264",), skip=3, cache=tmp_path)
        assert (pairs, len(records)) == ([], 1)
