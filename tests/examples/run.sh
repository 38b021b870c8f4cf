#!/bin/sh
# Installs plmr into a folder of its own, builds the examples of docs/examples against it through pkg-config alone, as a user
# would, and runs them on several ranks. Usage: run.sh MESON BUILD SOURCE
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
DESTDIR="$dir" "$1" install -C "$2" --no-rebuild >"$dir/install.log" || { cat "$dir/install.log"; exit 1; }
pc=$(find "$dir" -name plmr.pc)
lib=$(dirname "$(dirname "$pc")")
share=$(find "$dir" -type d -path '*share/plmr')
export PKG_CONFIG_PATH="$(dirname "$pc")" PKG_CONFIG_SYSROOT_DIR="$dir" LD_LIBRARY_PATH="$lib" PLMR_SHARE="$share"

# example EXPECTED: its output on every number of ranks, but for what it says of the standing of its numbers
check() {
    ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -Wno-unused-parameter -O2 "$3/docs/examples/$4.c" -o "$dir/$4" $(pkg-config --cflags --libs plmr)
    for n in 1 2 4 6; do
        out=$(mpirun -n $n "$dir/$4" | sed "/^$/d; /^  standing /d")
        [ "$out" = "$5" ] || { echo "$4 on $n ranks says: $out"; exit 1; }
    done
    mpirun -n 2 "$dir/$4" --timing --device ideal >/dev/null
    ! mpirun -n 2 "$dir/$4" --device nosuch >/dev/null 2>&1
}

check "$@" stencil "heat on the plate after 100 steps: 1000.000
stencil: 48x64 cores of wse2, 22369 cycles (20.3 us), 20 of 49152 bytes of SRAM, 18 of 24 routes, 1218464 wavelet-hops"
check "$@" transpose \
    "transpose: 48x48 cores of wse2, 5017 cycles (4.56 us), 12 of 49152 bytes of SRAM, 15 of 24 routes, 433152 wavelet-hops"
check "$@" dispatch "561 of 576 tokens found room
dispatch: 24x24 cores of wse2, 50254 cycles (45.7 us), 3200 of 49152 bytes of SRAM, 8 of 24 routes, 249984 wavelet-hops"
# A build that is not installed serves as well.
unset PKG_CONFIG_SYSROOT_DIR PLMR_SHARE
export PKG_CONFIG_PATH="$2/meson-uninstalled" LD_LIBRARY_PATH="$2/src"
${CC:-cc} -std=c11 "$3/docs/examples/life.c" -o "$dir/life" $(pkg-config --cflags --libs plmr)
(cd "$dir" && mpirun -n 2 ./life --verify)
echo "the examples build through pkg-config and agree on 1, 2, 4 and 6 ranks"
