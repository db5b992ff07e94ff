#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Debian's promtool without its package: installing `prometheus` would start a server.
#
#   tests/tools/promtool.sh FOLDER	puts it at FOLDER/promtool, unless it is there already
#
# The tests compare with the semantics of one series of Prometheus: another version is not taken.
# Exit status 0 when it is there, 1 with the reason when it cannot be had.
set -u

WANTED=2.42
DOWNLOAD_S=180
DEB_BYTES_MAX=67108864

folder=${1:?usage: promtool.sh FOLDER}

refuse() {
	echo "promtool: $*" >&2
	exit 1
}

# The version's first two numbers; 2.42.1 is as good as 2.42.0.
is_wanted() {
	"$1" --version 2>&1 | head -1 | grep -q "version $WANTED\\."
}

[ -x "$folder/promtool" ] && is_wanted "$folder/promtool" && exit 0
mkdir -p "$folder" || refuse "cannot make the folder $folder"
work=$(mktemp -d "$folder/promtool.XXXXXX") || refuse "cannot make a folder in $folder"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

download() {
	# Without privileges apt's own user would need to write there.
	(cd "$work" && timeout "$DOWNLOAD_S" apt-get -qq -o APT::Sandbox::User=root download prometheus)
}

download >"$work/log" 2>&1 || {
	timeout "$DOWNLOAD_S" apt-get -qq update >>"$work/log" 2>&1
	download >>"$work/log" 2>&1
} || refuse "cannot download the package prometheus: $(tail -1 "$work/log")"
deb=$(ls "$work"/prometheus_*.deb 2>/dev/null) || refuse "apt-get brought no package"
[ "$(stat -c %s "$deb")" -le "$DEB_BYTES_MAX" ] || refuse "the package is unexpectedly large"
dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work" ./usr/bin/promtool ||
	refuse "the package has no promtool"
is_wanted "$work/usr/bin/promtool" ||
	refuse "version $WANTED is needed, not $("$work/usr/bin/promtool" --version 2>&1 | head -1)"
mv "$work/usr/bin/promtool" "$folder/promtool" || refuse "cannot write $folder/promtool"
