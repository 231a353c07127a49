#!/bin/bash
# The `mnnconvert` command of MNN's wheel runs pip as it starts, and installs a package into whatever environment comes first.
#
# A good guess: a converter whose requirements are met converts a file, and touches neither the environment nor the network.
# What happens: before it reads its arguments it imports a module that, where a cloud provider's logging package is absent,
# runs `pip install -U` of it (any version) by a shell: the `pip` that comes first in PATH, which need not be the
# environment that MNN is in. It is there for usage reports. The package's own requirements may move others (protobuf) under what runs.
# Importing `_tools`, the compiled module, and calling its `mnnconvert` does the same work without any of this.
# Why it matters: exports in pipelines, containers and offline machines change or break environments; a dependency
# that nobody pinned arrives by itself. pocketsr calls the compiled module in a process of its own.
#
# Versions: MNN 3.6.1 (wheel), Python 3.11. 2026-11-30. Source: MNN/tools/utils/log.py in the wheel; seen as an environment's protobuf changed.
# Here `pip` in PATH is a stand-in that writes down what it is told and fails, so that nothing is installed and nothing is reported.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check MNN==3.6.1 numpy==2.4.6
mkdir stand-in
cat > stand-in/pip <<END
#!/bin/sh
echo "\$@" >> "$place/told"
exit 1
END
chmod +x stand-in/pip
venv/bin/python -c 'import MNN; print("MNN", MNN.version())'
PATH="$place/stand-in:$PATH" venv/bin/python -c 'import _tools' > /dev/null
[ ! -e told ] || { echo "the compiled module alone runs pip"; exit 1; }
echo "importing the compiled module: pip wasn't called"
PATH="$place/stand-in:$PATH" venv/bin/mnnconvert --version > said 2>&1 || true
[ -e told ] || { echo "mnnconvert doesn't call pip any more"; exit 1; }
echo "mnnconvert --version: pip was told: $(head -1 told)"
grep -q '^install -U ' told
