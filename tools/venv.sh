#!/bin/sh
# Makes the virtual environment that the Makefile installs into: tools/venv.sh FOLDER [PYTHON]
# On Debian, `python3 -m venv` needs the package python3-venv (it brings ensurepip); where that is missing, pip of the
# system is borrowed, and where that is missing as well, one line says what to install.
set -eu
folder=$1
python=${2:-python3}

fail() {
    echo "pocketsr: $1" >&2
    exit 2
}

command -v "$python" >/dev/null || fail "$python is missing: install Python 3.11 or newer (Debian: apt install python3 python3-venv)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old: name a Python 3.11 or newer, as in 'make PYTHON=python3.12 ...'"

if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv --clear "$folder"
elif "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m venv --clear --without-pip "$folder"
    # --python (pip 22.3) lets one pip install into another environment
    "$python" -m pip --python "$folder/bin/python" install --quiet pip ||
        { rm -rf "$folder"; fail "pip of the system could not install into $folder: apt install python3-venv"; }
else
    fail "$python has neither venv with ensurepip nor pip: apt install python3-venv (and run this again)"
fi
