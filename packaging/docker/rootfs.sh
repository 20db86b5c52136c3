#!/bin/sh
# Makes the file system of the image: rootfs.sh LASTSEEN DIRECTORY
# It holds what ldd names and what is opened by name at run time; the test that runs lastseen inside
# it fails when something is missing.
set -eu
program=$1 root=$2
user=65532  # nobody's on any distribution; distroless images use it too

mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/etc/lastseen" "$root/usr/share"
cp "$program" "$root/usr/bin/lastseen"

# Libraries and the loader, where the program looks for them.
ldd "$program" | grep -o '/[^ ]*' | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done

# time_zone: in the configuration.
cp -r /usr/share/zoneinfo "$root/usr/share/"
# sslmode=verify-full with sslrootcert=/etc/ssl/certs/ca-certificates.crt
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
fi
# Names of hosts come from these two, in this order.
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo "lastseen:x:$user:$user::/var/lib/lastseen:/" >"$root/etc/passwd"
echo "lastseen:x:$user:" >"$root/etc/group"

for directory in var/lib/lastseen run/lastseen; do
  mkdir -p "$root/$directory"
  chown "$user:$user" "$root/$directory" 2>/dev/null || chmod 777 "$root/$directory"
done
mkdir -p "$root/tmp" && chmod 1777 "$root/tmp"
