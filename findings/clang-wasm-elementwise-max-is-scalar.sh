#!/bin/bash
# clang for WebAssembly: __builtin_elementwise_max of a float vector is taken apart lane by lane, NaN or no NaN.
#
# A good guess: with SIMD128 the builtin is one instruction, f32x4.max or f32x4.pmax, as it is one on x86-64 and ARM:
# all the more with -fno-honor-nans, where it doesn't matter which of them. The C is portable, so is its speed.
# What happens: each lane is extracted, compared and selected as a scalar (with -fno-honor-nans), or given to fmaxf by a
# call (without it). __builtin_wasm_pmax_f32x4 is one instruction.
# Why it matters: vector code with clang's portable builtins loses most of what SIMD gives, without any warning: networks
# whose activations are PReLU ran three times as long in Node and in Chromium.
#
# Versions: ziglang 0.17.1 (clang 22.1.8). 2026-11-29. Source: pocketsr issue 23.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ziglang==0.17.1
cat > max.c <<'END'
typedef float vf __attribute__((vector_size(16)));
#ifdef OWN
vf larger(vf a, vf b) { return __builtin_wasm_pmax_f32x4(a, b); }
#else
vf larger(vf a, vf b) { return __builtin_elementwise_max(a, b); }
#endif
END
compiled() { venv/bin/python -m ziglang cc -O3 "${@:2}" -S max.c -o "$1" 2> log || { cat log; exit 2; }; }
count() { grep -cE "^\s+$1" "$2" || true; }
wasm="-target wasm32-freestanding -march=generic+simd128"
compiled plain.s $wasm
compiled nonan.s $wasm -fno-honor-nans
compiled own.s $wasm -fno-honor-nans -DOWN
compiled x86.s -target x86_64-linux-gnu -fno-honor-nans
echo "ziglang 0.17.1, $(venv/bin/python -m ziglang cc --version | head -1)"
calls=$(count 'call\s+fmaxf' plain.s) selects=$(count 'f32\.select' nonan.s)
echo "wasm32: $calls calls of fmaxf; with -fno-honor-nans $selects scalar selections"
echo "wasm32, its own builtin: $(count 'f32x4\.pmax' own.s) f32x4.pmax; x86-64, portable: $(count maxps x86.s) maxps"
[ "$calls" = 4 ] && [ "$selects" = 4 ] && [ "$(count 'f32x4\.pmax' own.s)" = 1 ] && [ "$(count maxps x86.s)" = 1 ]
