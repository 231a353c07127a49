"""C for Winograd along both axes where functions are small: for WebAssembly.

V8 allocates registers a function at a time, and in a large one spills what a loop needs in every turn; it makes each
constant anew wherever it is used. clang moves each sum to where it is stored. So transforms and products are functions
of their own here, which several steps share, with constants in registers from before the loop on, sums that are held
where they are made (HOLD), and loops that stay loops.
"""

from __future__ import annotations

from pocketsr.engine.codegen.emit_pointwise import Part, indent, literal, stages_code
from pocketsr.engine.codegen.plan import Plan, Step
from pocketsr.engine.codegen.winograd import Filter
from pocketsr.engine.ir.graph import Combine, Conv

__all__ = ["apart_body", "apart_functions", "results_function"]


def _numbers(f: Filter) -> dict[str, float]:
    """The points p and q of F(4, 3), 0, p, -p, q, -q and infinity, and their squares, of its monic form."""
    return {"p": float(f.data[1, 3]), "q": float(f.data[3, 3]), "pp": -float(f.data[3, 2]), "qq": -float(f.data[1, 2])}


# With d4 + p d3 - q^2 d2 - p q^2 d1 = (d4 - q^2 d2) + p (d3 - q^2 d1) and so on each half is calculated once, and all
# but two of the multiply-adds overwrite what is no longer needed. Products of p and q are rounded for themselves: sums
# are cheaper than multiply-adds where a machine has other units for them, and no dearer elsewhere.
_DATA = """const vf e1 = d4 - qq * d2, e2 = d4 - pp * d2, o1 = d3 - qq * d1, o2 = d3 - pp * d1;
const vf t0 = e1 - pp * (d2 - qq * d0), t5 = (d5 - qq * d3) - pp * o1;
vf m1 = p * o1, m2 = q * o2;
HOLD(m1); HOLD(m2);
const vf t1 = e1 + m1, t2 = e1 - m1, t3 = e2 + m2, t4 = e2 - m2;"""
_RESULT = """const vf s1 = t1 + t2, d1 = t1 - t2, s2 = t3 + t4, d2 = t3 - t4;
const vf y0 = t0 + s1 + s2, y1 = p * d1 + q * d2, y2 = pp * s1 + qq * s2, y3 = t5 + ppp * d1 + qqq * d2;"""


def apart_functions(steps: list[Step], plan: Plan) -> str:
    """What `steps` share, each shape once."""
    made: dict[str, str] = {}
    for step in steps:
        op = step.op
        assert isinstance(op, Conv)
        inputs = len(op.inputs)
        made.setdefault(f"spread_{inputs}", _spread(step, plan))
        for count in _counts(op, step):
            made.setdefault(f"products_{inputs}_{count}", _products(step, plan, count))
    return "\n".join(made.values())


def _counts(op: Conv, step: Step) -> set[int]:
    full, rest = divmod(op.channels, step.method.block.channels)
    return ({step.method.block.channels} if full else set()) | ({rest} if rest else set())


def _spread(step: Step, plan: Plan) -> str:
    op, method = step.op, step.method
    assert isinstance(op, Conv)
    assert method.rows
    assert method.columns
    rows, columns, inputs = method.rows, method.columns, len(op.inputs)
    n, nc, phases, halo = rows.products, columns.products, plan.phases, columns.taps // 2
    size, vectors = inputs * method.tile, method.tile // plan.target.lanes
    lines = [
        f"/* Rows of {inputs} channels at column x0 to their transform along both axes: product, channel, column */",
        f"APART void spread_{inputs}(const float *const (*in)[{inputs}], ptrdiff_t x0, ptrdiff_t phase, float *to)",
        "{",
        *(f"    KEPT({name}, {literal(number)});" for name, number in _numbers(rows).items()),
        f"    float room[{n * nc * vectors} * VL] __attribute__((aligned(16)));",
        f"    ROLLED for (int i = 0; i < {inputs}; i++, to += {method.tile}) {{",
        "        const float *const *from = in[0] + i;",
        "        float *half = room;",
        f"        ROLLED for (int r = 0; r < {n}; r++, from += {inputs}, half += {nc * vectors} * VL) {{",
        "            HOLD(from); HOLD(half);",
        "            const float *p0 = *from + x0;",
        *(f"            const float *p{p} = p{p - 1} + phase;" for p in range(1, phases)),
        "            " + " ".join(f"HOLD(p{p});" for p in range(phases)),
    ]
    for v in range(vectors):
        lines.append("            {")
        for c in range(nc):
            p, e = (c - halo) % phases, (c - halo) // phases
            lines.append(f"                const vf d{c} = load(p{p} + {v} * VL{f' + {e}' if e else ''});")
        lines += [
            *indent(_DATA.split("\n"), 4),
            *(f"                store(half + {c * vectors + v} * VL, t{c});" for c in range(nc)),
            "            }",
        ]
    lines += [
        "        }",
        '        __asm__("" ::: "memory");',
        "        half = room;",
        "        float *product = to;",
        f"        ROLLED for (int c = 0; c < {nc}; c++, half += {vectors} * VL, product += {size}) {{",
        "            HOLD(half); HOLD(product);",
    ]
    for v in range(vectors):
        lines += [
            "            {",
            *(f"                const vf d{r} = load(half + {r * nc * vectors + v} * VL);" for r in range(n)),
            *indent(_DATA.split("\n"), 4),
            *(f"                store(product + {r * nc * size} + {v} * VL, t{r});" for r in range(n)),
            "            }",
        ]
    return "\n".join([*lines, "        }", "    }", "}", ""])


def _products(step: Step, plan: Plan, count: int) -> str:
    op, method = step.op, step.method
    assert isinstance(op, Conv)
    inputs, vectors, width = len(op.inputs), method.block.vectors, method.tile
    of_tile = width // plan.target.lanes
    lines = [
        f"/* {method.products} products of {inputs} channels by {count} channels, {vectors} vectors at a time */",
        f"APART void products_{inputs}_{count}(const float *v, const float *w, float *to)",
        "{",
        f"    ROLLED for (int t = 0; t < {method.products}; t++, v += {(inputs - 1) * width}, w += {inputs * count},"
        f" to += {(count - 1) * of_tile} * VL)",
        f"    ROLLED for (int x = 0; x < {width}; x += {vectors} * VL, v += {vectors} * VL, to += {vectors} * VL) {{",
        "        HOLD(v); HOLD(to);",
        "        vf k, " + ", ".join(f"x{v}" for v in range(vectors)) + ";",
        *(f"        vf {', '.join(f'a{j}_{v}' for v in range(vectors))};" for j in range(count)),
    ]
    held = ", ".join(f'"+r"(a{j}_{v})' for j in range(count) for v in range(vectors))
    for i in range(inputs):
        lines.append("        " + " ".join(f"x{v} = load(v + {i * width} + {v} * VL);" for v in range(vectors)))
        for j in range(count):
            each = " ".join(f"a{j}_{v} {'+=' if i else '='} k * x{v};" for v in range(vectors))
            lines.append(f"        k = SPLAT(w[{i * count + j}]); {each}")
        lines.append(f'        __asm__("" : {held});')
    lines += [f"        store(to + {j * of_tile + v} * VL, a{j}_{v});" for j in range(count) for v in range(vectors)]
    return "\n".join([*lines, "    }", "}", ""])


def results_function(name: str, op: Conv, step: Step, plan: Plan) -> str:
    """NAME_results_N: what makes results of the products of N channels, for each number of them."""
    return "\n".join(_results(name, op, step, plan, count) for count in sorted(_counts(op, step)))


def _results(name: str, op: Conv, step: Step, plan: Plan, count: int) -> str:
    method = step.method
    assert method.rows
    assert method.columns
    rows, columns, vectors = method.rows, method.columns, method.tile // plan.target.lanes
    n, nc, m, phases = rows.products, columns.products, rows.outputs, columns.outputs
    numbers = _numbers(rows)
    numbers |= {"ppp": numbers["p"] ** 3, "qqq": numbers["q"] ** 3}
    planes = plan.rings[op.value].planes
    others = "".join(
        f", const float *(*const other{i})[{len(stage.other)}]"
        for i, stage in enumerate(op.stages)
        if isinstance(stage, Combine)
    )
    size = count * vectors
    lines = [
        f"APART void {name}_results_{count}(const float *sum, const float *{name}_bias, int first, ptrdiff_t x0,"
        f" ptrdiff_t phase, float *(*const out)[{planes}]{others})",
        "{",
        *(f"    KEPT({name}, {literal(number)});" for name, number in numbers.items()),
        f"    float room[{n * phases * vectors} * VL] __attribute__((aligned(16)));",
        f"    ROLLED for (int j = first; j < first + {count}; j++, sum += {vectors} * VL) {{",
        "        const float *from = sum;",
        "        float *half = room;",
        f"        ROLLED for (int r = 0; r < {n}; r++, from += {nc * size} * VL, half += {phases * vectors} * VL) {{",
        "            HOLD(from); HOLD(half);",
    ]
    for v in range(vectors):
        lines += [
            "            {",
            *(f"                const vf t{c} = load(from + {c * size + v} * VL);" for c in range(nc)),
            *indent(_RESULT.split("\n"), 4),
            *(f"                store(half + {p * vectors + v} * VL, y{p});" for p in range(phases)),
            "            }",
        ]
    lines += [
        "        }",
        '        __asm__("" ::: "memory");',
        f"        vf bias = SPLAT({name}_bias[j]);",
        "        HOLD(bias);",
        "        half = room;",
        "        ptrdiff_t place = x0;",
        f"        ROLLED for (int c = 0; c < {phases}; c++, half += {vectors} * VL, place += phase) {{",
        "            HOLD(half);",
    ]
    for v in range(vectors):
        lines += [
            "            {",
            f"                const ptrdiff_t at = place + {v} * VL;",
            f"                vf made[{m}];",
            "                {",
            *(f"                    const vf t{r} = load(half + {r * phases * vectors + v} * VL);" for r in range(n)),
            *indent(_RESULT.split("\n"), 5),
            "                    " + " ".join(f"made[{r}] = y{r} + bias;" for r in range(m)),
            "                }",
            f"                UNROLL for (int r = 0; r < {m}; r++) {{",
            "                    vf y = made[r];",
            *indent(stages_code(name, op.stages, "j", "r", "at", plan.formats), 5),
            "                    store(out[r][j] + at, y);",
            "                }",
            "            }",
        ]
    return "\n".join([*lines, "        }", "    }", "}", ""])


def apart_body(name: str, op: Conv, step: Step, blocks: list[Part]) -> list[str]:
    """A step's body, as `both_axes` is."""
    method, inputs = step.method, len(op.inputs)
    size = method.products * inputs * method.tile
    others = "".join(f", other{i}" for i, stage in enumerate(op.stages) if isinstance(stage, Combine))
    lines = [
        f"    EACH(x0, {method.tile}) {{",
        f"        spread_{inputs}(in, x0, phase, f->tile);",
    ]
    for _, first, count, offset in blocks:
        lines += [
            f"        products_{inputs}_{count}(f->tile, {name}_weight + {offset}, f->tile + {size});",
            f"        {name}_results_{count}(f->tile + {size}, {name}_bias, {first}, x0, phase, out{others});",
        ]
    return [*lines, "    }"]
