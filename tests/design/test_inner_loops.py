"""The recorder of cores: labels get into every kind of loop, blocks are cut at branches, and cycles are shared out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from inner_loops import LOOPS, Region, _networks, blocks, costs, marked
from record_arm import cycles_of

from pocketsr.design.profile import default_profile
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.codegen.work import WORK

NEON = Target("aarch64-linux-gnu", "cortex_a76", 4, 32, dot_cost=1)
I8MM = replace(NEON, cpu="cortex_a710", matrices=True)
AVX2 = Target("x86_64-linux-gnu", "znver3", 8, 16, dot_cost=4)


@pytest.mark.parametrize(
    ("target", "comment", "sums"), [(NEON, "//", "dots"), (I8MM, "//", "matrices"), (AVX2, "#", "dots")]
)
def test_every_kind_of_loop_is_found_in_what_is_emitted(target: Target, comment: str, sums: str) -> None:
    label = re.compile(rf'__asm__ volatile\("{comment} POCKETSR (\w+) (\w+) \d+ \d+"\);')
    found: set[tuple[str, str]] = set()
    for after, c in _networks(target):
        text = marked(c, after, comment)
        found |= set(label.findall(text))
        # nothing else is changed, but for the ends of rows, which have a branch of their own
        before, behind = (
            {part for part in re.split(r"[;{}]", re.sub(r"\s", "", label.sub("", each))) if "left" not in part}
            for each in (c, text)
        )
        assert {part for part in behind - before if "memcpy" not in part} == set()
        assert len(before - behind) < 10
    assert {loop for loop, _ in found} == set(LOOPS) - {"dots", "matrices"} | {sums}
    assert {("stored", "plain"), ("stored", "prelu"), ("stored", "words"), ("from_both", "prelu")} <= found


ASSEMBLY = """
run:
	ldr	x0, [x1]
.LBB0_1:
	//APP
	// POCKETSR products plain 6 2
	//NO_APP
	ldp	q0, q1, [x0]
	fmla	v2.4s, v0.4s, v1.4s
	.loc	1 2 3
	b.ne	.LBB0_1
	str	q2, [x2]
	// POCKETSR from_rows plain 1 1
	fadd	v2.4s, v0.4s, v1.4s
	// POCKETSR from_rows plain 1 1
	fadd	v3.4s, v0.4s, v1.4s
	ret
"""


def test_a_block_is_what_lies_between_labels_and_branches() -> None:
    first, second = blocks(ASSEMBLY)
    assert first[:2] == (Region("products", "plain", 6, 2), 1)
    assert [line.split()[0] for line in first[2]] == ["ldp", "fmla", "b.ne"]
    assert second[:2] == (Region("from_rows", "plain", 1, 1), 2)
    assert [line.split()[0] for line in second[2]] == ["str", "fadd", "fadd", "ret"]


def _regions(scale: float = 1.0) -> dict[Region, float]:
    """Of a core that does what `work` counts: two multiply-adds or dot products a cycle, one store."""
    plain = {
        ("products", 6, 4): 12, ("products", 4, 2): 4, ("enter", 6, 2): 12, ("leave", 6, 2): 12, ("start", 6, 4): 24,
        ("stored", 6, 4): 24, ("into_both", 1, 1): 100, ("from_both", 1, 1): 66, ("into_rows", 1, 1): 16,
        ("from_rows", 1, 1): 12, ("read", 4, 1): 12, ("write", 4, 1): 32,
    }  # fmt: skip
    found = {Region(loop, "plain", *size): scale * value for (loop, *size), value in plain.items()}
    found[Region("stored", "prelu", 6, 4)] = scale * 48
    found[Region("dots", "words", 12, 2)] = scale * 12
    found[Region("stored", "words", 12, 2)] = scale * 60
    return found


def test_cycles_are_shared_out_by_what_work_counts() -> None:
    found = costs(_regions(), dot_cost=1)
    assert found["products"] == found["dots"] == pytest.approx(1)
    assert (found["sums_called"], found["sums_inline"], found["result"]) == (2, 1, 1)
    assert found["point"] == 0.5
    assert found["words"] == 2  # 60 cycles for 24 vectors, less 4 x 0.5, four vectors to a word
    assert (found["into_both"], found["from_both"]) == (100, 50)
    assert (found["into_rows"], found["from_rows"]) == (2, 1)
    assert found["samples"] == 1


def test_what_is_not_simulated_follows_the_rest_memory_and_clock() -> None:
    shipped = {kind: 3.7 * cost for kind, cost in default_profile().costs_ns.items()}
    one, two = (cycles_of(costs(_regions(scale), 1), memory=3) for scale in (1, 2))
    assert set(one) == set(WORK)
    assert two["other"] == pytest.approx(2 * one["other"], rel=1e-3)
    assert one["far"] == two["far"] == pytest.approx(3 * shipped["far"], rel=1e-3)
    assert one["frame"] == two["frame"] == pytest.approx(shipped["frame"], rel=1e-3)
    assert one["border"] == 0
    assert cycles_of(costs(_regions(), 1), 3, scale=0.75)["products"] == pytest.approx(0.75)
