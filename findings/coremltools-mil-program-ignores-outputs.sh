#!/bin/bash
# coremltools' convert() takes `outputs` for a MIL program and ignores them: the model's output stays an array of floats.
#
# A good guess: `inputs=[ct.ImageType(..)]` makes a picture of a MIL program's input, so `outputs=[ct.ImageType(..)]`
# makes one of its output; or else convert() refuses what it can't do, as it does for wrong names and for old targets.
# What happens: inputs are heard, outputs go unheard, without an error or a warning. An app that binds the output to a
# CVPixelBuffer fails on the device. `program.functions["main"].set_output_types([...])` before convert() does it.
# Why it matters: pictures in and out without a copy is why one writes a super-resolution network for Core ML, and who
# builds on Linux, where no model runs, sees this only in the specification.
#
# Versions: coremltools 9.0. 2026-11-29. Source: met while writing `pocketsr export coreml`, pocketsr issue 24;
# coremltools/converters/mil/mil/program.py (set_output_types) and converters/mil/converter.py.
set -e
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check coremltools==9.0
cat > show.py <<'END'
import logging
import sys
import warnings

logging.getLogger("coremltools").setLevel(logging.ERROR)
import coremltools as ct
from coremltools.converters.mil import Builder as mb

print("coremltools", ct.__version__)

def program():
    @mb.program(input_specs=[mb.TensorSpec(shape=(1, 1, 32, 48))], opset_version=ct.target.iOS16)
    def main(picture):
        return mb.mul(x=picture, y=2.0, name="brighter")
    return main

def kinds(prepare, **options):
    made = program()
    prepare(made)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = ct.convert(made, convert_to="mlprogram", minimum_deployment_target=ct.target.iOS16, skip_model_load=True,
                           inputs=[ct.ImageType(name="picture", shape=(1, 1, 32, 48), color_layout=grey)], **options)
    description = model.get_spec().description
    about = [str(each.message) for each in said if "output" in str(each.message).lower()]
    return description.input[0].type.WhichOneof("Type"), description.output[0].type.WhichOneof("Type"), about

grey = ct.colorlayout.GRAYSCALE
wanted = [ct.ImageType(name="brighter", color_layout=grey)]
asked = kinds(lambda made: None, outputs=wanted)
told = kinds(lambda made: made.functions["main"].set_output_types(wanted))
print(f"convert(.., outputs=[ImageType]): input {asked[0]}, output {asked[1]}, warnings {asked[2]}")
print(f"set_output_types([ImageType]) before: input {told[0]}, output {told[1]}")
sys.exit(0 if asked == ("imageType", "multiArrayType", []) and told[:2] == ("imageType", "imageType") else 1)
END
venv/bin/python show.py 2>&1 | grep -v "^Running\|^$\|passes"
exit "${PIPESTATUS[0]}"
