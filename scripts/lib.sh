# shellcheck shell=bash
# Sourced by the scripts: goes to the project's root and has what they share. Nothing here needs the network, except to
# install packages that are missing.

script=$(realpath "$0")
started_in=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

say() {
    printf '%s\n' "$*"
}

die() {
    say "${script##*/}: $*" >&2
    exit 2
}

# --- arguments --------------------------------------------------------------------------------------------------------

# Prints what a script says of itself at its top, and ends it.
print_help() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$script"
    exit 0
}

# may_have OPTIONS "$@": ends the script where it was given anything but one of these options, or nothing.
may_have() {
    local option
    for option in $1; do
        [ "${*:2}" != "$option" ] || return 0
    done
    case "${2:-}" in
    -h | --help) print_help ;;
    esac
    [ $# = 1 ] || die "cannot take '${*:2}': it takes no argument${1:+, or one of $1}; --help says what it does"
}

# A path as whoever started the script means it.
path_of() {
    (cd "$started_in" && realpath -m -- "$1")
}

# check_own FOLDER: ends the script where it might not remove a folder: what is there must be empty, or of make_own.
check_own() {
    [ ! -e "$1" ] || [ -e "$1/.made-by-plmr" ] || { [ -d "$1" ] && [ -z "$(ls -A "$1")" ]; } ||
        die "$1 has files that are not this script's: name one that is empty or new"
}

# make_own FOLDER: an empty one, in place of one that it made before.
make_own() {
    check_own "$1"
    rm -rf "$1"
    mkdir -p "$1"
    : >"$1/.made-by-plmr"
}

# --- packages ---------------------------------------------------------------------------------------------------------

# missing_packages [run]: of all, or of those that are not for tests, benchmarks or figures alone.
missing_packages() {
    local package skip='^#'
    [ "${1:-}" != run ] || skip+='|# (tests|benchmarks|figures|predictions):'
    grep -vE "$skip" scripts/packages.txt | sed 's/#.*//' | while read -r package; do
        [ -z "$package" ] || [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$package"
    done
}

# Installs what is missing; where that is not allowed, says what is missing and ends the script. Where there is no dpkg, or
# with PLMR_SKIP_PACKAGES=1, the configuration step is left to find out what is missing.
install_packages() { # [run]
    local missing as_root=()
    [ -z "${PLMR_SKIP_PACKAGES:-}" ] && command -v dpkg-query >/dev/null || return 0
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            cat >&2 <<T
These packages are missing:
$(printf '    %s\n' "${missing[@]}")
Install them (or ask an administrator to) and start this again:
    sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}
If they are on this machine in some other way than as packages: PLMR_SKIP_PACKAGES=1 $0
T
            exit 1
        fi
        as_root=(sudo -n)
    fi
    say "Installing ${missing[*]}"
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# --- build ------------------------------------------------------------------------------------------------------------

# configure DIR [OPTION...]: the options (and those in PLMR_SETUP_ARGS) count where DIR is still to be configured.
configure() {
    local dir=$1 extra
    shift
    read -ra extra <<<"${PLMR_SETUP_ARGS:-}"
    [ ! -f "$dir/build.ninja" ] || return 0
    [ ! -f "$dir/meson-private/coredata.dat" ] || extra+=(--wipe)
    meson setup "$dir" "$@" "${extra[@]}"
}

# build DIR [OPTION...]: configures, and compiles all, the tests too.
build() {
    configure "$@"
    [ -d "$1/tests" ] || meson configure "$1" -Dtests=true # which build_program leaves out
    meson compile -C "$1"
}

# Compiles the program, the library and the Python package into build/, or the program alone where that has been configured with
# tests. Without those fewer packages are needed, and a fourth of the time is saved.
build_program() {
    local only=()
    configure build -Dbuildtype=release -Dtests=false
    [ ! -d build/tests ] || only=(plmr:executable)
    meson compile -C build "${only[@]}"
}

# --- running under MPI ------------------------------------------------------------------------------------------------

# Whether a process may read another one's memory, as Open MPI does to move a message in one copy. Some containers forbid
# it, and Open MPI then fails with "Read -1, expected N".
may_read_processes() {
    python3 - <<'P' 2>/dev/null
import ctypes, os, signal, sys

class Piece(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("n", ctypes.c_size_t)]

theirs, mine = ctypes.create_string_buffer(b"x", 8), ctypes.create_string_buffer(8)
child = os.fork()
if child == 0:
    signal.pause()
read = ctypes.CDLL(None).process_vm_readv
got = read(child, ctypes.byref(Piece(ctypes.addressof(mine), 8)), ctypes.c_ulong(1),
           ctypes.byref(Piece(ctypes.addressof(theirs), 8)), ctypes.c_ulong(1), ctypes.c_ulong(0))
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
sys.exit(got != 8)
P
}

# Lets mpirun work as root (in a container), on any number of cores, and beside other jobs.
use_open_mpi() {
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none PLMR_QUIET=1
    may_read_processes || export OMPI_MCA_btl_vader_single_copy_mechanism=none
}

# Cores that this process may use, without counting hardware threads of one core twice.
usable_cores() {
    local allowed physical
    allowed=$(nproc)
    physical=$(lscpu -p=CORE,SOCKET 2>/dev/null | grep -v '^#' | sort -u | wc -l) || physical=0
    echo $((physical > 0 && physical < allowed ? physical : allowed))
}

# --- tests ------------------------------------------------------------------------------------------------------------

# Prints "N passed, N failed" (and ", N skipped") for a meson test log.
test_totals() {
    awk '/^(Ok|Expected Fail):/ { passed += $NF }
         /^(Fail|Unexpected Pass|Timeout):/ { failed += $NF }
         /^Skipped:/ { skipped += $NF }
         END { printf "%d passed, %d failed", passed, failed; if (skipped) printf ", %d skipped", skipped; print "" }' "$1"
}

# run_tests DIR [OPTION...]: runs the tests of a build, two for each core, as ranks that wait need none. Its last line counts
# them. Fails if any did, or if there are none.
run_tests() {
    local dir=$1 log=$1/meson-logs/testlog.txt rc=0 totals
    shift
    rm -f "$log"
    meson test -C "$dir" --no-rebuild --num-processes $((2 * $(nproc))) --print-errorlogs "$@" || rc=1
    [ -f "$log" ] || : >"$log"
    totals=$(test_totals "$log")
    case $totals in
    "0 passed"* | *" passed, "[1-9]*" failed"*) rc=1 ;;
    esac
    say "$totals"
    return "$rc"
}
