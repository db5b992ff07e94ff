#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# make-corpus.sh OUTDIR: what the demo assistant hears, and the words it knows.
#
# Writes one 16 kHz mono s16le file per line of utterances.tsv ("alice", a pause of 0.4 s, the
# command, 0.3 s of quiet), a manifest, a language model and its dictionary. The output depends on the
# installed voices alone: no randomness, no dither, no network.
set -eu

out=${1:?usage: make-corpus.sh OUTDIR}
here=$(cd "$(dirname "$0")" && pwd)
share=${POCKETSPHINX_SHARE:-/usr/share/pocketsphinx}
dict=$share/model/en-us/cmudict-en-us.dict
human=$share/test/data

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
raw16="-t raw -r 16000 -e signed -b 16 -c 1"

die() { echo "make-corpus: $*" >&2; exit 1; }
for tool in flite sox; do
	command -v "$tool" >/dev/null || die "$tool is not installed"
done
[ -r "$dict" ] || die "$dict is missing (package pocketsphinx-en-us)"
[ -d "$human" ] || die "$human is missing (package pocketsphinx-testdata)"

# say VOICE TEXT FILE: synthesised speech without the quiet around it
say() {
	flite -voice "$1" -t "$2" -o "$scratch/say.wav"
	# shellcheck disable=SC2086 # raw16 is a list of options
	sox -D "$scratch/say.wav" $raw16 "$3" gain -n -3
}

recording() {
	case $1 in
	*.raw) # shellcheck disable=SC2086
		sox -D $raw16 "$human/$1" $raw16 "$2" ;;
	*)	# shellcheck disable=SC2086
		sox -D "$human/$1" $raw16 "$2" ;;
	esac
}

mkdir -p "$out"
# The quiet is a low noise: a recogniser normalises by what it hears, and digital zero is no room.
# shellcheck disable=SC2086
sox -R -D -n $raw16 "$scratch/room.raw" synth 10 whitenoise vol 0.002
quiet() { head -c "$(($1 * 32))" "$scratch/room.raw"; }	# milliseconds
cp "$scratch/room.raw" "$out/room.raw"

: > "$scratch/manifest"
grep -v '^#' "$here/utterances.tsv" > "$scratch/utterances"
while IFS="$(printf '\t')" read -r name source text; do
	case $source in
	flite:*)
		voice=${source#flite:}
		say "$voice" "$text" "$scratch/command.raw" ;;
	human:*)
		voice=slt
		recording "${source#human:}" "$scratch/command.raw" ;;
	*)	die "utterances.tsv: unknown source '$source'" ;;
	esac
	[ -s "$scratch/wake-$voice.raw" ] || say "$voice" "alice" "$scratch/wake-$voice.raw"
	{
		quiet 300
		cat "$scratch/wake-$voice.raw"
		quiet 400
		cat "$scratch/command.raw"
		quiet 300
	} > "$out/$name.raw"
	# The command begins after 300 ms, the wake word and 400 ms; 2 bytes are a sample.
	printf '%s\t%s\t%s\n' "$name.raw" \
		$((700 * 16 + $(stat -c %s "$scratch/wake-$voice.raw") / 2)) "$text" >> "$scratch/manifest"
done < "$scratch/utterances"

# The dictionary holds the words of the language model and the wake word only: a decoder with the
# whole of cmudict costs 60 MB and most of a second.
python3 "$here/make-lm.py" "$here/commands.txt" > "$scratch/commands.lm"
{
	echo alice
	sed -n '/1-grams/,/2-grams/s/^-[0-9.]* \([a-z]*\) .*/\1/p' "$scratch/commands.lm"
} > "$scratch/words"
awk 'NR == FNR { want[$1] = 1; next } { w = $1; sub(/\([0-9]+\)$/, "", w) } w in want' \
	"$scratch/words" "$dict" > "$out/commands.dic"
mv "$scratch/commands.lm" "$out/commands.lm"
mv "$scratch/manifest" "$out/manifest.tsv"
