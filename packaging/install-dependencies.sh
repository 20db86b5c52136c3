#!/bin/sh
# Installs the Debian packages that a task needs, and only those that are missing: when nothing
# is missing it touches neither apt nor the network.
#
#   packaging/install-dependencies.sh [--list] GROUP...
#                                          groups: build test lint bench package machine arm64
set -eu

packages_of() {
  case "$1" in
    build)
      echo make g++ cmake ninja-build ccache pkg-config libboost1.81-dev libpqxx-dev libpq-dev \
        rapidjson-dev libyaml-cpp-dev libuv1-dev libre2-dev libspdlog-dev libcli11-dev \
        libsqlite3-dev libsystemd-dev zlib1g-dev tzdata ;;
    test)
      # The servers are for the end-to-end tests, which start their own on free ports.
      echo libgtest-dev libgmock-dev clang-format python3 python3-pytest python3-pytest-xdist \
        python3-psycopg2 postgresql pgbouncer openssl nginx haproxy caddy apache2-bin logrotate \
        util-linux socat prometheus mandoc zsh fish faketime valgrind python3-yaml systemd ;;
    lint) echo clang libclang-rt-14-dev clang-format clang-tidy cppcheck python3 ;;
    bench)
      # The peers that make bench compares with. Elsewhere than in Debian npm comes with node.
      echo libbenchmark-dev python3 python3-psycopg2 postgresql nginx wrk rsyslog rsyslog-pgsql \
        valgrind
      command -v node >/dev/null 2>&1 || echo nodejs
      command -v npm >/dev/null 2>&1 || echo npm ;;
    package) echo debhelper dpkg-dev fakeroot git lintian rpm ;;
    # A Debian of its own, for the test of the packages.
    machine) echo debootstrap systemd-container ;;
    # A compiler, the libraries for it, and what runs the outcome.
    arm64) echo g++-aarch64-linux-gnu mmdebstrap qemu-user ;;
    *)
      echo "$0: no group '$1' (build test lint bench package machine arm64)" >&2
      exit 2 ;;
  esac
}

list=no
if [ "${1-}" = --list ]; then list=yes; shift; fi
[ $# -gt 0 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }

wanted=
for group in "$@"; do
  more=$(packages_of "$group")
  wanted="$wanted $more"
done
if [ "$list" = yes ]; then
  printf '%s\n' $wanted | sort -u
  exit 0
fi

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "This is no Debian: nothing installed. Needed, by their Debian names:$wanted" >&2
  exit 0
fi

missing=
for package in $wanted; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1; then
  as_root=sudo
else
  echo "Missing packages:$missing" >&2
  echo "Neither root nor sudo here. As root, run:" >&2
  echo "  apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

echo "Installing:$missing" >&2
apt_get() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
    -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@"
}
apt_get update >&2
apt_get install -y --no-install-recommends $missing >&2
