# shellcheck shell=bash
# Sourced by strong.sbatch and weak.sbatch, which say what there is to set: runs one task of the array.
# shellcheck disable=SC2154 # scale_kind is theirs

prepare_job
no_words "$@"
RANKS=${RANKS:-1 2 4 8}
read -ra counts <<<"$RANKS"
ranks=${counts[${SLURM_ARRAY_TASK_ID:-0}]:-}
[ -n "$ranks" ] || die "task ${SLURM_ARRAY_TASK_ID:-0} of the array has no number in RANKS='$RANKS': nothing to do"
start_job "$ranks"

what=(--workload "${WORKLOADS:-all}")
if [ -n "${COMMAND:-}" ]; then
    read_command
    what=(-- "${words[@]}")
fi
PLMR_LAUNCHER="${launcher[*]:0:${#launcher[@]}-1} {n}" \
    "$PLMR" scale "$scale_kind" --ranks "$ranks" --repeat "${REPEAT:-3}" --records "$OUT/ranks-$ranks.jsonl" "${what[@]}"
"$PLMR" scale "$scale_kind" --from "$OUT"/ranks-*.jsonl --json "$OUT/$scale_kind.jsonl" >"$OUT/$scale_kind.txt"
