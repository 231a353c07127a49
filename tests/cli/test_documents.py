"""Every document's links lead somewhere and its commands are understood; the README's are run by `test_readme`."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketsr.cli.main import _parser
from pocketsr.design.space import read_space
from pocketsr.nets import build
from pocketsr.train import parse_recipe

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/*.md")
    for path in ROOT.glob(pattern)
)


def _text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def _slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def test_there_are_documents() -> None:
    assert {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/index.md", "benchmarks/README.md"} <= set(
        DOCUMENTS
    )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    text = re.sub(r"```.*?```", "", _text(document), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {_slug(head) for head in heads}, link


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name != "CHANGELOG.md"])
def test_commands_are_understood(document: str) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", _text(document), re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for line in "".join(blocks).splitlines()]
    for words in lines:
        while "|" in words:  # a pipeline: each of its commands
            at = words.index("|")
            _check_understood(words[:at])
            words = words[at + 1 :]  # noqa: PLW2901
        _check_understood(words)


def _check_understood(words: list[str]) -> None:
    if words[:1] == ["pocketsr"]:
        assert callable(_parser().parse_args(words[1:]).run), words


def _yaml(document: str, key: str, folder: Path) -> Iterator[Path]:
    """The YAML blocks of a document that have `key`, each as a file."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", _text(document), re.MULTILINE | re.DOTALL)
    found = [block for block in blocks if re.search(rf"^{key}:", block, re.MULTILINE)]
    assert found
    for number, block in enumerate(found):
        (folder / f"{number}.yaml").write_text(block, encoding="utf-8")
        yield folder / f"{number}.yaml"


def test_recipes_are_understood(tmp_path: Path) -> None:
    for path in _yaml("docs/how-to/train.md", "steps", tmp_path):
        net = parse_recipe(path).net
        assert net is not None
        assert build(net.name, **net.config).scale == 2


def test_spaces_are_understood(tmp_path: Path) -> None:
    for path in _yaml("docs/how-to/design.md", "families", tmp_path):
        assert len(read_space(path).candidates()) > 10


def test_documents_that_are_cited_are_here() -> None:
    cited = {name for document in DOCUMENTS for name in re.findall(r"\b[A-Z][A-Z_]+\.md\b", _text(document))}
    assert {"ARCHITECTURE.md", "CONTRIBUTING.md"} <= cited
    assert sorted(name for name in cited if not (ROOT / name).exists()) == []


@pytest.mark.parametrize("file", ["Makefile", ".github/workflows/ci.yml", ".ci/run"])
def test_files_that_commands_name_are_here(file: str) -> None:
    named = re.findall(r"\b(?:tests|tools)/[\w./]*\w", _text(file))
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert named or file == ".ci/run"


def test_the_page_of_the_package_index_has_no_links_into_the_repository() -> None:
    """The README as hatch-fancy-pypi-readme puts it into the wheel."""
    hook = tomllib.loads(_text("pyproject.toml"))["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert [fragment["path"] for fragment in hook["fragments"]] == ["README.md"]
    page = _text("README.md")
    for each in hook["substitutions"]:
        page = re.sub(each["pattern"], each["replacement"], page)
    assert "![" not in page
    assert [link for link in re.findall(r"\]\(([^)]*)\)", page) if not link.startswith("https://")] == []
    assert "ARCHITECTURE.md has the rest" in page
