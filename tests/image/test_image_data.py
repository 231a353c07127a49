"""What stands beside the pixels is kept byte for byte, corrected where it tells of sizes, or named in one warning."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_fakes import Nearest, add_chunks, chunks_of, make_tiff
from PIL import ExifTags, Image, JpegImagePlugin

from pocketsr.image import _ifd, upscale_image_file
from pocketsr.image._ifd import Value

GREEN = Image.new("RGB", (8, 6), (0, 190, 0))


def _upscale(source: Path, target: Path, **more: Any) -> tuple[str, ...]:
    return tuple(upscale_image_file(source, target, Nearest(), Nearest(), **more).warnings)


def _exif(**texts: bytes) -> bytes:
    """EXIF data with texts as bytes, sizes, an Interop directory and a maker note that points into the data."""
    tags: _ifd.Directory = {
        0x010E: Value(2, len(texts["description"]), texts["description"]),
        0x0112: Value(3, 1, struct.pack(">H", 1)),
        0x011A: Value(2, 3, b"72\0"),  # a resolution as text
        34665: {
            0x927C: Value(7, 12, b"maker note 1"),
            0xA001: Value(3, 1, struct.pack(">H", 0xFFFF)),
            40962: Value(3, 1, struct.pack(">H", 8)),
            40963: Value(4, 1, struct.pack(">I", 6)),
            40965: {1: Value(2, 4, b"R03\0")},
        },
    }
    return b"Exif\0\0MM\0*\0\0\0\x08" + _ifd.build(">", tags)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_exif_text_keeps_its_bytes_and_sizes_are_true(tmp_path: Path, suffix: str) -> None:
    words = "Straße 山田".encode() + b"\xff\0"
    GREEN.save(tmp_path / "a.jpg", exif=_exif(description=words))
    assert _upscale(tmp_path / "a.jpg", tmp_path / f"b{suffix}") == ()
    content = (tmp_path / f"b{suffix}").read_bytes()
    if suffix != ".tif":
        with Image.open(tmp_path / f"b{suffix}") as image:
            content = image.info["exif"].removeprefix(b"Exif\0\0")
    order, tags = _ifd.read(_ifd.reader(content))
    details = tags[34665]
    assert isinstance(details, dict)
    assert tags[0x010E].data == words  # type: ignore[union-attr]
    assert details[0x927C].data == b"maker note 1"  # type: ignore[union-attr]
    assert [details[tag].numbers(order) for tag in (40962, 40963)] == [(16,), (12,)]  # type: ignore[union-attr]
    assert details[40965][1].data == b"R03\0"  # Adobe RGB, by DCF
    assert (0x011A in tags) == (suffix != ".tif")  # as text it would break readers of TIFF


def test_texts_and_colour_of_a_png(tmp_path: Path) -> None:
    GREEN.save(tmp_path / "plain.png")
    said = [
        (b"gAMA", struct.pack(">I", 100000)),
        (b"cICP", b"\x09\x10\x00\x01"),
        (b"mDCV", bytes(range(24))),
        (b"cLLI", bytes(8)),
        (b"tEXt", b"parameters\0a cat, steps 20, seed 1"),
        (b"zTXt", b"Long\0\0" + zlib.compress(b"x" * 3_000_000)),  # more than Pillow unpacks
        (b"iTXt", b"Title\0\0\0\0\0" + "Tïtle".encode()),
    ]
    (tmp_path / "a.png").write_bytes(add_chunks((tmp_path / "plain.png").read_bytes(), said))
    assert _upscale(tmp_path / "a.png", tmp_path / "b.png") == ()
    kept = [chunk for chunk in chunks_of((tmp_path / "b.png").read_bytes()) if chunk[0] not in (b"IDAT", b"IEND")]
    assert kept[1:] == said
    for suffix, name in ((".jpg", "JPEG"), (".webp", "WEBP"), (".bmp", "BMP")):
        target = tmp_path / f"b{suffix}"
        assert _upscale(tmp_path / "a.png", target) == (
            f"{target}: {name} cannot hold the colour description and text of the input",
        )


@pytest.mark.parametrize("said", [[(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 45455))], [(b"cICP", b"\1\r\0\1")]])
def test_what_says_srgb_is_no_loss(tmp_path: Path, said: list[tuple[bytes, bytes]]) -> None:
    GREEN.save(tmp_path / "plain.png")
    (tmp_path / "a.png").write_bytes(add_chunks((tmp_path / "plain.png").read_bytes(), said))
    assert _upscale(tmp_path / "a.png", tmp_path / "b.jpg") == ()


def test_iptc_and_comments_of_a_jpeg(tmp_path: Path) -> None:
    iptc = b"\x1c\x02\x19\x00\x03sea\x1c\x02\x50\x00\x04Jane"
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    block += b"8BIM\x04\x0c\0\0\0\0\0\x04old!"  # a thumbnail
    GREEN.save(tmp_path / "a.jpg", extra=_segment(0xED, b"Photoshop 3.0\0" + block), comment="caffè".encode())
    assert _upscale(tmp_path / "a.jpg", tmp_path / "b.jpg") == ()
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.info["photoshop"] == {0x0404: iptc}
        assert image.info["comment"] == "caffè".encode()
    assert _upscale(tmp_path / "a.jpg", tmp_path / "b.tif") == (
        f"{tmp_path / 'b.tif'}: TIFF cannot hold the comment of the input",
    )
    _, tags = _ifd.read(_ifd.reader((tmp_path / "b.tif").read_bytes()))
    assert tags[33723].data == iptc  # type: ignore[union-attr]
    assert _upscale(tmp_path / "b.tif", tmp_path / "c.jpg") == ()
    with Image.open(tmp_path / "c.jpg") as image:
        assert image.info["photoshop"] == {0x0404: iptc}
    assert _upscale(tmp_path / "a.jpg", tmp_path / "b.png") == (
        f"{tmp_path / 'b.png'}: PNG cannot hold the IPTC data of the input",
    )
    assert (b"iTXt", b"Comment\0\0\0\0\0" + "caffè".encode()) in chunks_of((tmp_path / "b.png").read_bytes())


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


@pytest.mark.parametrize("raster_type", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_geotiff_covers_the_same_ground(tmp_path: Path, raster_type: int, order: str) -> None:
    """Each pixel's centre lies where interpolation puts it: scale, tie point and transformation agree."""
    doubles = lambda *numbers: Value(12, len(numbers), struct.pack(f"{order}{len(numbers)}d", *numbers))  # noqa: E731
    keys = struct.pack(f"{order}8H", 1, 1, 0, 1, 1025, 0, 1, raster_type)
    matrix = (3.0, 1.0, 0.0, 500.0, 2.0, -3.0, 0.0, 900.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    tags: _ifd.Directory = {
        33550: doubles(10.0, 10.0, 0.0), 33922: doubles(2.0, 3.0, 0.0, 600.0, 5200.0, 0.0), 34264: doubles(*matrix),
        34735: Value(3, 8, keys), 42113: Value(2, 3, b"-1\0"),
    }  # fmt: skip
    (tmp_path / "a.tif").write_bytes(make_tiff(np.zeros((4, 5), np.uint8), order=order, extra=tags))
    assert _upscale(tmp_path / "a.tif", tmp_path / "b.tif") == ()
    own, got = _ifd.read(_ifd.reader((tmp_path / "b.tif").read_bytes()))
    scale, tie, new = (got[tag].numbers(own) for tag in (33550, 33922, 34264))  # type: ignore[union-attr]
    assert scale[:2] == (5.0, 5.0)
    centre = 0.5 if raster_type == 1 else 0.0  # a pixel's own centre in its raster's coordinates

    def ground(m: tuple[float, ...], x: float, y: float) -> list[float]:
        return [m[0] * x + m[1] * y + m[3], m[4] * x + m[5] * y + m[7]]

    # the centre of the old pixel (1, 2) is the middle of the new pixels (2, 4) to (3, 5)
    assert ground(new, 2.5 + centre, 4.5 + centre) == pytest.approx(ground(matrix, 1 + centre, 2 + centre))
    old_x = 600 + (1 + centre - 2) * 10
    assert tie[3] + (2.5 + centre - tie[0]) * scale[0] == pytest.approx(old_x)
    assert _upscale(tmp_path / "a.tif", tmp_path / "b.png") == (
        f"{tmp_path / 'b.png'}: PNG cannot hold the georeference of the input",
    )


def _xmp(body: str) -> bytes:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{body}</rdf:RDF></x:xmpmeta>'.encode()


def test_sizes_in_xmp_are_those_of_the_result(tmp_path: Path) -> None:
    body = (
        '<rdf:Description GPano:FullPanoWidthPixels="800" GPano:CroppedAreaLeftPixels="21" tiff:Orientation="6"'
        ' tiff:ImageWidth="8" dc:title="800"><exif:PixelYDimension>6</exif:PixelYDimension></rdf:Description>'
    )
    GREEN.save(tmp_path / "a.jpg", xmp=_xmp(body))
    assert _upscale(tmp_path / "a.jpg", tmp_path / "b.jpg") == ()
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.size == (12, 16)
        kept = image.info["xmp"]
    for said in (b'WidthPixels="1600"', b'LeftPixels="42"', b'Orientation="1"', b'tiff:ImageLength="16"',
                 b"<exif:PixelXDimension>12</exif:PixelXDimension>", b'title="800"'):  # fmt: skip
        assert said in kept


@pytest.mark.parametrize(
    ("body", "what", "gone"),
    [
        ('<rdf:Description hdrgm:Version="1.0" dc:title="t"><Container:Directory><rdf:Seq/></Container:Directory>'
         "<hdrgm:GainMapMax>2</hdrgm:GainMapMax></rdf:Description>", "gain map (HDR)", (b"hdrgm", b"Container")),
        ('<rdf:Description GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" dc:title="t"/>',
         "video of the motion photo", (b"MotionPhoto",)),
        ('<rdf:Description GCamera:MicroVideoOffset="4711" dc:title="t"/>', "video of the motion photo", (b"Micro",)),
        ('<rdf:Description xmpNote:HasExtendedXMP="00" dc:title="t"/>', "extended XMP data", (b"HasExtended",)),
    ],
)  # fmt: skip
def test_marks_of_what_lies_behind_the_picture_go_with_it(
    tmp_path: Path, body: str, what: str, gone: tuple[bytes, ...]
) -> None:
    GREEN.save(tmp_path / "a.jpg", xmp=_xmp(body))
    with (tmp_path / "a.jpg").open("ab") as file:
        file.write(b"\0\0\0\x18ftypmp42 a video")
    assert _upscale(tmp_path / "a.jpg", tmp_path / "b.jpg") == (f"{tmp_path / 'a.jpg'}: left out: {what}",)
    content = (tmp_path / "b.jpg").read_bytes()
    assert b'dc:title="t"' in content
    assert not any(mark in content for mark in (*gone, b"ftypmp42"))


def test_an_encoder_says_no_resolution_that_the_input_did_not(tmp_path: Path) -> None:
    GREEN.save(tmp_path / "a.jpg")
    _upscale(tmp_path / "a.jpg", tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as image:
        assert "dpi" not in image.info


def test_a_thumbnail_of_the_old_picture_is_no_longer_found(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    small = io.BytesIO()
    GREEN.save(small, "JPEG")
    content = bytearray(exif.tobytes())
    end = 6 + 8 + 2 + 12
    content[end : end + 4] = struct.pack("<I", len(content) - 6)
    content += struct.pack("<HHHII", 1, 513, 4, 1, 0) + bytes(4)
    GREEN.save(tmp_path / "a.jpg", exif=bytes(content))
    _upscale(tmp_path / "a.jpg", tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as image:
        assert isinstance(image, JpegImagePlugin.JpegImageFile)
        assert image.getexif()[ExifTags.Base.Make] == "Maker"
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1) == {}
