#!/bin/sh
# Installs plmr into a folder of its own, builds the examples of docs/examples against it as a user would, each by the line that
# its comment says, and runs some on several ranks; and the first program of docs/LIBRARY.md. Usage: run.sh MESON BUILD SOURCE
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
DESTDIR="$dir" "$1" install -C "$2" --no-rebuild >"$dir/install.log" || { cat "$dir/install.log"; exit 1; }
pc=$(find "$dir" -name plmr.pc)
lib=$(dirname "$(dirname "$pc")")
share=$(find "$dir" -type d -path '*share/plmr')
export PKG_CONFIG_PATH="$(dirname "$pc")" PKG_CONFIG_SYSROOT_DIR="$dir" LD_LIBRARY_PATH="$lib" PLMR_SHARE="$share"
examples="$3/docs/examples" library="$3/docs/LIBRARY.md"
compiler="${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror"
left_out='/^$/d; /^  standing /d' # of the output: what is said of the standing of its numbers

# build EXAMPLE
build() {
    line=$(tr '\n' ' ' <"$examples/$1.c" | sed 's/.*Build: cc \([^;]*\);.*/\1/')
    (cd "$examples" && eval "$compiler $line -o '$dir/$1'") || { echo "$1 does not build by: cc $line"; exit 1; }
}

# check EXAMPLE EXPECTED: its output on every number of ranks
check() {
    for n in 1 2 4 6; do
        out=$(mpirun -n $n "$dir/$1" | sed "$left_out")
        [ "$out" = "$2" ] || { echo "$1 on $n ranks says: $out"; exit 1; }
    done
    mpirun -n 2 "$dir/$1" --timing --device ideal >/dev/null
    ! mpirun -n 2 "$dir/$1" --device nosuch >/dev/null 2>&1
}

for file in "$examples"/*.c; do
    build "$(basename "$file" .c)"
done
check stencil "heat on the plate after 100 steps: 1000.000
stencil: 48x64 cores of wse2, 22369 cycles (20.34 us), 20 of 49152 bytes of SRAM, 18 of 24 routes, 1218464 wavelet-hops"
check transpose \
    "transpose: 48x48 cores of wse2, 5017 cycles (4.561 us), 12 of 49152 bytes of SRAM, 15 of 24 routes, 433152 wavelet-hops"
check dispatch "561 of 576 tokens found room
dispatch: 24x24 cores of wse2, 50254 cycles (45.69 us), 3200 of 49152 bytes of SRAM, 8 of 24 routes, 249984 wavelet-hops"

awk '/^```c$/ { inside = 1; next } /^```$/ { exit } inside' "$library" >"$dir/mine.c"
line=$(sed -n 's/^    \$ cc mine\.c/mine.c/p' "$library")
expected=$(sed -n '/^    \$ cc mine\.c/ { n; s/^ *//; p }' "$library")
out=$(cd "$dir" && eval "$compiler $line" | sed "$left_out")
[ -n "$expected" ] && [ "$out" = "$expected" ] || { echo "the first program of LIBRARY.md says: $out"; exit 1; }

# A build that is not installed serves as well.
unset PKG_CONFIG_SYSROOT_DIR PLMR_SHARE
export PKG_CONFIG_PATH="$2/meson-uninstalled" LD_LIBRARY_PATH="$2/src"
build life
(cd "$dir" && mpirun -n 2 ./life --verify)
echo "the examples build by their own lines and agree on 1, 2, 4 and 6 ranks"
