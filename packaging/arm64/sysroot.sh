#!/bin/sh
# Makes build/arm64/root: what Debian 12 has for arm64 of the libraries that we build with, for the
# preset arm64 on a machine of another kind. The machine's own packages stay as they are: no foreign
# architecture is added to it, with which our -dev packages could not be installed side by side.
set -eu
cd "$(dirname "$0")/../.."

root=build/arm64/root
packages=$(packaging/install-dependencies.sh --list build test | grep -- '-dev$' | paste -sd,)
if [ "$(cat build/arm64/root.packages 2>/dev/null)" = "$packages" ]; then exit 0; fi

rm -rf "$root"
mkdir -p build/arm64
# Unpacked and not configured: nothing of it is run, and nobody has to be root.
mmdebstrap --quiet --mode=chrootless --variant=extract --arch=arm64 --include="$packages" bookworm \
  "$root"
# For a program under QEMU what stands here hides what the machine has: only the libraries stay.
(cd "$root" && rm -rf dev etc run tmp var)
# Links from the root would lead the linker into the machine's own.
find "$root/usr" -type l -lname '/*' | while read -r link; do
  ln -snrf "$root$(readlink "$link")" "$link"
done
echo "$packages" >build/arm64/root.packages
