"""Templates for networks that are told a strength: what their words add. For all others each word is empty, so that
their sources have none of it."""

from __future__ import annotations

from pocketsr.engine.codegen.emit_pointwise import literal
from pocketsr.engine.ir.graph import Graph

__all__ = ["strength_words"]

_OF_C = {
    "AT": "_at",
    "STRENGTH": ", float strength",
    "GIVEN": ", (const uint8_t *)0, 0, 0, strength",  # no mask
    "FIELD": "    float strength;\n",
    "OF_ALL": ", all->strength",
    "PASSED": ", strength",
}
_DECLARED = """
/* The same at a strength, from 0 (clean) to 1; the others take {default}. */
int {name}_i420_at(const {name}_i420_frame *frame, int strips, void *scratch, {name}_parallel *parallel, void *pool,
    float strength);
void {name}_i420_strip_at(const {name}_i420_frame *frame, int i, int strips, void *scratch, float strength);
"""
_DEFAULTS = """
void {name}_i420_strip(const {name}_i420_frame *f, int i, int strips, void *scratch)
{{
    {name}_i420_strip_at(f, i, strips, scratch, {default}f);
}}

int {name}_i420(const {name}_i420_frame *frame, int strips, void *scratch, {name}_parallel *parallel, void *pool)
{{
    return {name}_i420_at(frame, strips, scratch, parallel, pool, {default}f);
}}
"""
_JAVA_DEFAULT = """
    /** How far a picture is from its clean shrink, where a call doesn't say: from 0 (clean) to 1. */
    public static final float DEFAULT_STRENGTH = {default}f;
"""
_JAVA_CALLS = """
    /** Luma alone, at the default strength. */
    public void luma(Plane in, Plane out) {
        luma(in, out, DEFAULT_STRENGTH);
    }

    /** A whole frame at the default strength. */
    public void frame(Plane y, Plane u, Plane v, Plane toY, Plane toU, Plane toV) {
        frame(y, u, v, toY, toU, toV, DEFAULT_STRENGTH);
    }

    private static void checkStrength(float strength) {
        if (!(strength >= 0 && strength <= 1)) {
            throw new IllegalArgumentException("strength " + strength + ": 0 to 1 is expected");
        }
    }
"""
_KOTLIN_SAYS = "\n     * [strength]: how far the picture is from its clean shrink, from 0 (clean) to 1."
_SWIFT_DEFAULT = """
    /// How far a picture is from its clean shrink, where a call doesn't say: from 0 (clean) to 1.
    public static let defaultStrength: Float = {default}
"""
_SWIFT_GUARD = "        guard (0...1).contains(strength) else { return false }\n"


def strength_words(graph: Graph) -> dict[str, str]:
    """What templates of C, Java, Kotlin and Swift ask for."""
    default = literal(graph.default_strength).removesuffix("f")
    told = _OF_C | {
        "DECLARED": _DECLARED.format(name=graph.name, default=default),
        "DEFAULTS": _DEFAULTS.format(name=graph.name, default=default),
        "JNI_GIVEN": ", jfloat strength",
        "JNI_FLOAT": "F",
        "JNI_CHECK": " || !(strength >= 0 && strength <= 1)",
        "JAVA_GIVEN": ", final float strength",
        "JAVA_DEFAULT": _JAVA_DEFAULT.format(default=default),
        "JAVA_CALLS": _JAVA_CALLS,
        "JAVA_CHECK": "        checkStrength(strength);\n",
        "KOTLIN_GIVEN": ", strength: Float = Upscaler.DEFAULT_STRENGTH",
        "KOTLIN_SAYS": _KOTLIN_SAYS,
        "SWIFT_GIVEN": ", strength: Float = Upscaler.defaultStrength",
        "SWIFT_LUMA_GIVEN": ",\n        strength: Float = Upscaler.defaultStrength",
        "SWIFT_DEFAULT": _SWIFT_DEFAULT.format(default=default),
        "SWIFT_GUARD": _SWIFT_GUARD,
        "SWIFT_MASK": ", nil, 0, 0, strength",
    }
    return told if graph.strengths else dict.fromkeys(told, "")
