#!/usr/bin/env bash
# Leaves lastseen_VERSION_ARCH.deb and lastseen-VERSION.ARCH.rpm in build/package/, built in a
# temporary tree from what git tracks. Two runs give the same bytes (SOURCE_DATE_EPOCH; without it
# the time of the last commit).
set -euo pipefail
cd "$(dirname "$0")/.."

# Whoever publishes packages puts themselves here.
maintainer='The lastseen authors <maintainers@lastseen.invalid>'
homepage='https://lastseen.invalid'

jobs=${JOBS:-$(nproc)}
version=$(sed -n 's/^project(lastseen VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
committed=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$committed}
export LC_ALL=C TZ=UTC
output=$PWD/build/package
tree=$(mktemp -d "${TMPDIR:-/tmp}/lastseen-package-XXXXXX")
trap 'rm -rf "$tree"' EXIT
source=$tree/lastseen-$version
mkdir -p "$source" "$output" build/package-cache

# Tracked files as they stand now: what is built by the way, or lies about, is not in the package.
if git rev-parse --git-dir >/dev/null 2>&1; then
  git ls-files -z | grep -zv '^tests/corpus/' | xargs -0 cp --parents -t "$source"
else
  tar -c --exclude=./build --exclude=./tests/corpus . | tar -x -C "$source"
fi
# Under any umask the same.
chmod -R u=rwX,go=rX "$source"

cp -r "$source/packaging/debian" "$source/debian"
needs=$(packaging/install-dependencies.sh --list build | grep -v ccache | paste -sd,)
sed -i -e "s/@BUILD_DEPENDS@/${needs//,/, }/" -e "s|@MAINTAINER@|$maintainer|" \
  -e "s|@HOMEPAGE@|$homepage|" "$source/debian/control"
sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$(date -u -R -d "@$SOURCE_DATE_EPOCH")/" \
  -e "s|@MAINTAINER@|$maintainer|" "$source/debian/changelog.in" >"$source/debian/changelog"
rm "$source/debian/changelog.in"

# debhelper gives the build a home of its own, and so a compiler cache that nobody sees.
export CCACHE_DIR=${CCACHE_DIR:-$PWD/build/package-cache}
log=$output/build.log
(cd "$source" && DEB_BUILD_OPTIONS="parallel=$jobs" dpkg-buildpackage -b -us -uc) >"$log" 2>&1 ||
  { tail -n 60 "$log" >&2; exit 1; }
deb=$(cd "$tree" && ls lastseen_*.deb)

objects=$(ls -d "$source"/obj-*)
rpmbuild -bb "$source/packaging/rpm/lastseen.spec" --quiet \
  --define "_topdir $tree/rpm" --define "lastseen_version $version" --define "objects $objects" \
  --define "source $source" --define "maintainer $maintainer" --define "homepage $homepage" \
  --define "_buildhost localhost" \
  --define "use_source_date_epoch_as_buildtime 1" --define "clamp_mtime_to_source_date_epoch 1" \
  --define "_binary_payload w9.gzdio" >>"$log" 2>&1 || { tail -n 60 "$log" >&2; exit 1; }

lintian --fail-on error --allow-root "$tree/$deb"

rm -f "$output"/*.deb "$output"/*.rpm
cp "$tree/$deb" "$output/"
find "$tree/rpm/RPMS" -name '*.rpm' -exec cp {} "$output/" \;
ls -l "$output"/*.deb "$output"/*.rpm
