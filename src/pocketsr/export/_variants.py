"""One network's C for several kinds of processors, and the C that chooses among them when it's first called.

Each variant is a C file that asks for its instructions by itself (pragmas of gcc and clang), and is empty for other
architectures. So any build system takes all files with the same flags, and one folder serves several systems.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

from pocketsr.engine.codegen.emit import emit
from pocketsr.engine.codegen.emit_entries import emit_header
from pocketsr.engine.codegen.plan import Plan, make_plan
from pocketsr.engine.codegen.target import Target
from pocketsr.engine.ir.graph import Conv, Graph
from pocketsr.errors import ArgumentError, did_you_mean
from pocketsr.names import harmless

__all__ = ["VARIANTS", "Variant", "chosen_at_run_time", "named", "of_architecture", "template"]

_GUARDS = {"x86_64": "defined(__x86_64__)", "aarch64": "defined(__aarch64__)", "arm": "defined(__arm__)"}


@dataclass(frozen=True)
class Variant:
    """target: what the C is planned for. needs: constants of native/cpu.h. features: as gcc and clang call them.

    macros: by which the C knows these instructions; clang's pragma doesn't define them. integers: it differs from the
    one after it in dot products of bytes alone.
    """

    name: str
    architecture: str
    target: Target
    needs: str = ""
    features: str = ""
    macros: tuple[str, ...] = ()
    integers: bool = False


_AVX2 = Target("x86_64-linux-gnu", None, 8, 16)
_AVX512 = Target("x86_64-linux-gnu", None, 16, 32, l1_bytes=49152)
_NEON = Target("aarch64-linux-gnu", None, 4, 32, dot_cost=8)
_OF_AVX2 = ("__AVX__", "__AVX2__", "__FMA__")
_OF_AVX512 = (*_OF_AVX2, "__AVX512F__", "__AVX512BW__", "__AVX512DQ__", "__AVX512VL__")
_AVX512_FEATURES = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"

VARIANTS: tuple[Variant, ...] = (
    Variant(
        "avx512vnni",
        "x86_64",
        replace(_AVX512, dot_cost=1),
        "AVX512VNNI",
        f"{_AVX512_FEATURES},avx512vnni",
        (*_OF_AVX512, "__AVX512VNNI__"),
        integers=True,
    ),
    Variant("avx512", "x86_64", _AVX512, "AVX512", _AVX512_FEATURES, _OF_AVX512),
    Variant(
        "avxvnni",
        "x86_64",
        replace(_AVX2, dot_cost=1),
        "AVXVNNI",
        "avx2,fma,avxvnni",
        (*_OF_AVX2, "__AVXVNNI__"),
        integers=True,
    ),
    Variant("avx2", "x86_64", _AVX2, "AVX2", "avx2,fma", _OF_AVX2),
    Variant("sse2", "x86_64", Target("x86_64-linux-gnu", None, 4, 16)),
    Variant(
        "i8mm",
        "aarch64",
        replace(_NEON, dot_cost=1, matrices=True),
        "I8MM",
        "dotprod,i8mm",
        ("__ARM_FEATURE_DOTPROD", "__ARM_FEATURE_MATMUL_INT8"),
        integers=True,
    ),
    Variant(
        "dotprod",
        "aarch64",
        replace(_NEON, dot_cost=1),
        "DOTPROD",
        "dotprod",
        ("__ARM_FEATURE_DOTPROD",),
        integers=True,
    ),
    Variant("neon", "aarch64", _NEON),
    Variant("neon32", "arm", Target("arm-linux-gnueabihf", None, 4, 16, dot_cost=8)),
)
"""The best first; the last one of an architecture needs nothing."""


def template(name: str, **words: str) -> str:
    """The file `name` of export/native, with each @WORD@ replaced."""
    text = files("pocketsr.export").joinpath("native", *name.split("/")).read_text(encoding="utf-8")
    for word, meaning in words.items():
        text = text.replace(f"@{word}@", meaning)
    return text


def of_architecture(graph: Graph, architectures: Sequence[str]) -> tuple[Variant, ...]:
    """All variants that make a difference to the network."""
    dots = any(isinstance(op, Conv) and op.integers is not None for op in graph.ops)
    return tuple(each for each in VARIANTS if each.architecture in architectures and (dots or not each.integers))


def named(graph: Graph, architecture: str, asked: str) -> tuple[Variant, ...]:
    """The variants `asked` for, names with commas or "all". The one that needs nothing always comes with them.

    Raises ArgumentError for an unknown name, or one of another architecture.
    """
    own = [each for each in VARIANTS if each.architecture == architecture]
    every = of_architecture(graph, [architecture])
    if not own:
        known = ", ".join(dict.fromkeys(each.architecture for each in VARIANTS))
        raise ArgumentError(f"there are no variants for {harmless(architecture)}: only for {known}")
    words = [word.strip() for word in asked.split(",")]
    if words == ["all"]:
        return every
    names = [each.name for each in own]
    for word in words:
        if word not in names:
            close = did_you_mean(word, names)
            raise ArgumentError(
                f"unknown variant '{harmless(word)}' of {architecture}: choose from {', '.join(names)}, or all"
                f"{close and '; ' + close}"
            )
    return tuple(each for each in every if each.name in words or not each.needs)


def chosen_at_run_time(graph: Graph, variants: Sequence[Variant]) -> tuple[dict[str, str], dict[str, str], Plan]:
    """C files by name, NAME.h, and the plan of the variant that needs nothing: NAME.c chooses among NAME_VARIANT.c."""
    name = graph.name
    sources, declared = {}, {}
    plan = make_plan(graph, variants[-1].target)
    header = emit_header(plan)
    for each in variants:
        own = make_plan(replace(graph, name=f"{name}_{each.name}"), each.target)
        sources[f"{name}_{each.name}.c"] = _variant_text(own, each)
        declared[each] = own
    sources[f"{name}.c"] = _chooser(name, header, variants)
    return sources, {f"{name}.h": _with_choice(header, name)}, plan


def _variant_text(plan: Plan, variant: Variant) -> str:
    """The C, compiled for the variant's instructions whatever the compiler was told, and seen by its library alone."""
    macros = "".join(f"#ifndef {each}\n#define {each} 1\n#endif\n" for each in variant.macros)
    gcc = (
        variant.features if variant.architecture == "x86_64" else f"arch=armv8.2-a+{variant.features.replace(',', '+')}"
    )
    begin = (
        f"""#if defined(__clang__)
{macros}#pragma clang attribute push(__attribute__((target("{variant.features}"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("{gcc}")
#endif
"""
        if variant.features
        else ""
    )
    end = (
        "#if defined(__clang__)\n#pragma clang attribute pop\n#else\n#pragma GCC pop_options\n#endif\n"
        if variant.features
        else ""
    )
    wants = f"and asks for {variant.features} by itself" if variant.features else "and needs nothing more"
    return f"""/* For {variant.architecture}, {wants}: compile it with -O3, as the files beside it. */
#if {_GUARDS[variant.architecture]}
#if defined(_WIN32)
#define DllMainCRTStartup {plan.graph.name}_entry /* there is one in a library */
#else
#pragma GCC visibility push(hidden)
#endif
{begin}{emit(plan)}
{end}#if !defined(_WIN32)
#pragma GCC visibility pop
#endif
#else
typedef int {plan.graph.name}_is_for_another_processor;
#endif
"""


_FUNCTION = re.compile(r"^((?:const )?\w+ \*?)(\w+)\(([^()]*)\);", re.MULTILINE)


def _functions(header: str, name: str) -> list[tuple[str, str, str]]:
    """Type, name without NAME_, and parameters of each function that NAME.h declares."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    found = [(kind, full, " ".join(given.split())) for kind, full, given in _FUNCTION.findall(text)]
    return [(kind, full.removeprefix(f"{name}_"), given) for kind, full, given in found]


def _with_choice(header: str, name: str) -> str:
    """NAME.h with what there is to know about variants."""
    end = "#ifdef __cplusplus\n}"
    assert header.count(end) == 1
    more = f"""/* Which variant runs: of those in this library the first one that the processor has. {name}_use takes
   another, before any memory is asked for, for all threads; it returns 0 for one that isn't there or can't run here. */
const char *{name}_variant(void);
int {name}_use(const char *variant);

"""
    return header.replace(end, more + end)


def _chooser(name: str, header: str, variants: Sequence[Variant]) -> str:
    functions = _functions(header, name)
    record = "".join(f"    {kind}(*{short})({given});\n" for kind, short, given in functions)
    declarations, rows = [], []
    for architecture in dict.fromkeys(each.architecture for each in variants):
        own = [each for each in variants if each.architecture == architecture]
        guard = f"#if {_GUARDS[architecture]}\n"
        declared = (f"{kind}{name}_{each.name}_{short}({given});\n" for each in own for kind, short, given in functions)
        declarations.append(guard + "".join(declared) + "#endif\n")
        listed = (
            f'    {{"{each.name}", {each.needs or 0}'
            + "".join(f", {name}_{each.name}_{short}" for _, short, _ in functions)
            + "},\n"
            for each in own
        )
        rows.append(guard + "".join(listed) + "#endif\n")
    calls = []
    for kind, short, given in functions:
        words = ", ".join(re.findall(r"(\w+)(?=,|$)", given)) if given != "void" else ""
        back = "" if kind.strip() == "void" else "return "
        calls.append(f"{kind}{name}_{short}({given})\n{{\n    {back}chosen()->{short}({words});\n}}\n")
    files_beside = ", ".join(f"{name}_{each.name}.c" for each in variants)
    return template(
        "chooser.c",
        NAME=name,
        FILES=files_beside,
        CPU=template("cpu.h"),
        RECORD=record,
        DECLARATIONS="".join(declarations),
        ROWS="".join(rows),
        CALLS="\n".join(calls),
    )
