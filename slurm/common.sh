# shellcheck shell=bash
# Sourced by the batch scripts of this folder. The variables that all of them take, from the environment of sbatch:
#
#   PLMR_HOME       plmr's folder, on a file system that all nodes share   (default: the folder that sbatch is started in)
#   PLMR            the program                          (default: PLMR_HOME/build/src/cli/plmr, else plmr on the PATH)
#   NAME            what the results are called                                      (default: the name of the script)
#   OUT             where they go      (default: PLMR_HOME/results/DATE-NAME-JOB; the tasks of an array share a folder)
#   MODULES         modules to load first, e.g. "openmpi/4.1 hwloc"                                    (default: none)
#   RANKS_PER_NODE  ranks on a node                   (default: the job's tasks, dealt to its nodes, else its cores there)
#   LAUNCHER        srun or mpirun                              (default: srun where it has pmix, else mpirun)
#   BIND            core or none: whether hwloc binds each rank to a core of its own, where srun has not  (default: core)
#
# A script sets `me`, its name, before. Whatever else is in the environment reaches plmr: OMPI_MCA_..., PLMR_KERNEL.

die() {
    printf '%s: %s\n' "${me:-plmr}" "$*" >&2
    exit 2
}

# no_words "$@": of a script that takes none.
no_words() {
    [ $# = 0 ] || die "cannot take '$*': it takes variables alone, see its top"
}

# --- the job ----------------------------------------------------------------------------------------------------------

find_plmr() {
    PLMR=${PLMR:-$PLMR_HOME/build/src/cli/plmr}
    [ -x "$PLMR" ] || [ "$PLMR" != "$PLMR_HOME/build/src/cli/plmr" ] || PLMR=$(command -v plmr) ||
        die "there is no $PLMR_HOME/build/src/cli/plmr and no plmr on the PATH: build it (scripts/test), or set PLMR"
    [ -x "$PLMR" ] || die "there is no $PLMR: set PLMR to the program, or leave it out"
}

# One line for the nodes on which the program cannot be started.
check_nodes() {
    local lacking
    # shellcheck disable=SC2016 # expanded on the nodes
    lacking=$(srun --mpi=none -N "$SLURM_JOB_NUM_NODES" -n "$SLURM_JOB_NUM_NODES" \
        bash -c '[ -x "$1" ] || echo "$SLURMD_NODENAME"' _ "$PLMR" | sort | paste -sd ' ') ||
        die "cannot start anything on the job's nodes: $SLURM_JOB_NODELIST"
    [ -z "$lacking" ] || die "$PLMR is not on $lacking: put it on a file system that all nodes share, or set PLMR"
}

# check_ranks VARIABLE N MOST REASON: ends the job where N is no number of ranks, or one above MOST.
check_ranks() {
    [[ $2 =~ ^[1-9][0-9]{0,8}$ ]] || die "$1 is '$2': it can be a whole number from 1 to $3"
    [ "$2" -le "$3" ] || die "$2 ranks are more than $4"
}

# The CPUs that the job has on the node where it has most: "4(x2),2" are 4, 4 and 2.
cpus_of_node() {
    tr ',' '\n' <<<"${SLURM_JOB_CPUS_PER_NODE:-${SLURM_CPUS_ON_NODE:-1}}" | sed 's/(.*//' | sort -n | tail -n 1
}

# Sets RANKS_PER_NODE, and `room`, the number of ranks that the job has room for.
make_room() {
    local cpus
    room=
    if [ -n "${RANKS_PER_NODE:-}" ]; then
        cpus=$(cpus_of_node)
        [ -z "${SLURM_OVERCOMMIT:-}" ] || cpus=999999999
        check_ranks RANKS_PER_NODE "$RANKS_PER_NODE" "$cpus" \
            "a node of the job has CPUs for, $cpus: ask for more (--ntasks-per-node), or leave RANKS_PER_NODE out"
    elif [ -z "${SLURM_NTASKS_PER_NODE:-}" ] && [ -n "${SLURM_NTASKS:-}" ]; then # sbatch -N 2 -n 3
        room=$SLURM_NTASKS
        RANKS_PER_NODE=$(((room + SLURM_JOB_NUM_NODES - 1) / SLURM_JOB_NUM_NODES))
    fi
    RANKS_PER_NODE=${RANKS_PER_NODE:-${SLURM_NTASKS_PER_NODE:-${SLURM_CPUS_ON_NODE:-1}}}
    room=${room:-$((RANKS_PER_NODE * SLURM_JOB_NUM_NODES))}
}

choose_launcher() {
    if [ -z "${LAUNCHER:-}" ]; then
        LAUNCHER=mpirun
        ! srun --mpi=list 2>&1 | grep -q pmix || LAUNCHER=srun
    fi
    case $LAUNCHER in
    srun | mpirun) ;;
    *) die "LAUNCHER is '$LAUNCHER': it can be srun or mpirun" ;;
    esac
    export PLMR_BIND=${BIND:-core} OMPI_MCA_hwloc_base_binding_policy=${BIND:-core}
}

# prepare_job: what a script needs to look at what it was given; nothing is started or written yet.
prepare_job() {
    [ -n "${SLURM_JOB_ID:-}" ] || die "this is a batch script: submit it with sbatch slurm/$me"
    # shellcheck disable=SC2086 # a list
    [ -z "${MODULES:-}" ] || module load $MODULES || die "cannot load the modules $MODULES"
    find_plmr
    make_room
    choose_launcher
}

# start_job [N]: then everything up to where a script does its own, which "${launcher[@]}" starts on N ranks (as many as there
# is room for). Not $(launcher): a word that fails would leave the program to run without it, on one rank.
start_job() {
    set_launcher "${1:-$room}"
    check_nodes
    make_folder
    write_provenance
}

# set_launcher N: sets `launcher` to the words that start N ranks, packed onto as few nodes as hold them.
set_launcher() {
    check_ranks RANKS "$1" "$room" "the job has room for, $room: give it more nodes (-N), or set RANKS"
    if [ "$LAUNCHER" = srun ]; then
        launcher=(srun --mpi=pmix -N $((($1 + RANKS_PER_NODE - 1) / RANKS_PER_NODE)) -n "$1")
    else
        launcher=(mpirun --map-by "ppr:$RANKS_PER_NODE:node" -n "$1")
    fi
}

# Sets `words` to the command that a script was given: its own arguments, or what COMMAND says as a shell reads it, so that
# quotes keep a text together.
read_command() {
    words=("$@")
    [ $# -gt 0 ] || eval "words=($COMMAND)" || die "COMMAND cannot be read: $COMMAND"
}

# takes OPTION: whether the command of plmr in `words` has it, and was not given it.
takes() {
    # grep -q would end the pipe before all is written, which counts as a failure here
    "$PLMR" --options | cut -f 1,2 | grep -x "${words[0]}"$'\t'"$1" >/dev/null || return 1
    ! printf '%s\n' "${words[@]}" | grep -E "^--$1(=|$)" >/dev/null
}

# --- results ----------------------------------------------------------------------------------------------------------

# The first task of an array to come makes the folder, which the day is a part of.
make_folder() {
    local id=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID} there
    if [ -z "${OUT:-}" ]; then
        there=("$PLMR_HOME"/results/*-"${NAME:-${me%.sbatch}}-$id")
        OUT=${there[0]}
        [ -d "$OUT" ] || OUT=$PLMR_HOME/results/$(date +%F)-${NAME:-${me%.sbatch}}-$id
    fi
    mkdir -p "$OUT" || die "cannot make the folder $OUT"
    printf '%s: results in %s\n' "${me:-plmr}" "$OUT"
}

# A text as JSON has it.
quoted() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    printf '"%s"' "${text//$'\n'/\\n}"
}

# The nodes as hwloc sees them, a line each.
topology() {
    if command -v lstopo-no-graphics >/dev/null; then
        # shellcheck disable=SC2016 # expanded on the nodes
        srun --mpi=none -N "$SLURM_JOB_NUM_NODES" -n "$SLURM_JOB_NUM_NODES" bash -c \
            'echo "$SLURMD_NODENAME: $(lstopo-no-graphics --no-io --of synthetic 2>/dev/null)"'
    else
        sed -nE 's/.*"host": "([^"]*)".*"host_packages": ([0-9]+), "host_numa": ([0-9]+), "host_l3": ([0-9]+), "host_cores": ([0-9]+),.*/\1: \2 packages, \3 NUMA nodes, \4 L3 caches, \5 cores/p' \
            "$OUT/topology.jsonl" | sort -u
    fi
}

# Once for a folder: a later task of an array finds it there.
write_provenance() {
    local part=$OUT/provenance.json.$SLURM_JOB_ID launcher # that of all ranks
    [ ! -e "$OUT/provenance.json" ] || return 0
    set_launcher "$room"
    "${launcher[@]}" "$PLMR" topo --json - >"$OUT/topology.jsonl" 2>"$OUT/topology.txt" ||
        die "plmr does not start on $room ranks: $(grep . "$OUT/topology.txt" | tail -n 1)"
    {
        printf '{\n "revision": %s,\n' "$(quoted "$(git -C "$PLMR_HOME" describe --always --dirty 2>/dev/null || echo unknown)")"
        printf ' "version": %s,\n' "$(quoted "$("$PLMR" --version)")"
        printf ' "date": %s,\n' "$(quoted "$(date -u +%Y-%m-%dT%H:%M:%SZ)")"
        printf ' "script": %s,\n "options": %s,\n' "$(quoted "$me")" "$(quoted "$(options)")"
        printf ' "job": %s,\n "cluster": %s,\n' "$(quoted "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}")" "$(quoted "${SLURM_CLUSTER_NAME:-}")"
        printf ' "hosts": %s,\n' "$(quoted "$(scontrol show hostnames "$SLURM_JOB_NODELIST" | paste -sd ' ')")"
        printf ' "ranks_per_node": %s,\n "launcher": %s,\n' "$RANKS_PER_NODE" "$(quoted "${launcher[*]}")"
        printf ' "binding": %s,\n' "$(quoted "$PLMR_BIND")"
        printf ' "topology": %s,\n' "$(quoted "$(topology)")"
        printf ' "mpi": %s,\n' "$(quoted "$(mpirun --version 2>/dev/null | head -n 1)")"
        printf ' "slurm": %s\n}\n' "$(quoted "$(srun --version)")"
    } >"$part"
    mv "$part" "$OUT/provenance.json"
}

# The variables that this run was given.
options() {
    local name
    for name in PLMR NAME RANKS_PER_NODE LAUNCHER BIND MODULES COMMAND RANKS WORKLOADS REPEAT SIZES; do
        [ -z "${!name:-}" ] || printf "%s='%s' " "$name" "${!name}"
    done
}
