# bash completion for plmr

# The first words of what a plmr command lists.
_plmr_names()
{
    "${COMP_WORDS[0]}" "$@" 2>/dev/null | awk '$1 ~ /^[a-z][a-z0-9.-]*$/ { print $1 }'
}

_plmr_options()
{
    local common="--help --version"
    local trace="--trace --trace-cores --trace-events --text"
    local run="--cores --device --alg --mode --seed --json --allow --pace --ranks --verify --every-step --plan --report --quiet $trace"
    local wafer="--device --prefill-cores --decode-cores --kv --kv-dtype --allow --dump --json"
    case $1 in
    gemm) echo "--m --k --n --dtype --accumulate --transpose-b --a --b --out $run $common" ;;
    gemv) echo "--k --n --dtype --accumulate --tree-k --groups --x --b --y $run $common" ;;
    allreduce) echo "--length --dtype --tree-k --groups $run $common" ;;
    generate) echo "--model --prompt --tokens --n-tokens --no-echo --temp --top-k --top-p --seed --report $trace $wafer $common" ;;
    logits) echo "--model --prompt --tokens --phase --out $wafer $common" ;;
    perplexity) echo "--model --file --context $wafer $common" ;;
    llm)
        echo "--model --prompt --decode --context --batch --phase --layers --prefill-layers --decode-layers --mode --plan --as-published --tree-k --prefill-tree-k --groups --fuse --every-step --report --quiet $trace $wafer $common"
        ;;
    tune) echo "--model --prompt --decode --device --kv --kv-dtype --best --again --cache --json $common" ;;
    model) echo "--device --json $common" ;;
    tokenize) echo "--model --prompt --ids --no-bos --json $common" ;;
    sweep) echo "--out --again --dry-run $common" ;;
    report) echo "--out $common" ;;
    paper) echo "--table --figure --device --out --json $common" ;;
    scale) echo "--workload --ranks --repeat --from --json --records $common" ;;
    topo) echo "--cores --ranks --json $common" ;;
    bench) echo "--only --repeat --json $common" ;;
    *) echo "$common" ;;
    esac
}

# Files, and folders on the way to them.
_plmr_files()
{
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_plmr_words()
{
    mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1")
}

# One more word of a list with commas.
_plmr_list()
{
    local done=
    [[ $1 != *,* ]] || done=${1%,*},
    mapfile -t COMPREPLY < <(compgen -P "$done" -W "$2" -- "${1##*,}")
    compopt -o nospace 2>/dev/null
}

_plmr()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        _plmr_words "$cur" "gemm gemv allreduce generate llm tune logits perplexity tokenize model device paper report sweep topo scale list bench
            --help --version"
        return
    fi
    case $prev in
    --device | show)
        _plmr_files "$cur"
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$(_plmr_names device list)" -- "$cur")
        ;;
    -m | --model)
        _plmr_files "$cur"
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$(_plmr_names model list)" -- "$cur")
        ;;
    --alg) _plmr_list "$cur" "all $(_plmr_names list)" ;;
    --allow) _plmr_list "$cur" "M R" ;;
    --dtype | --kv-dtype) _plmr_words "$cur" "f32 f16 bf16" ;;
    --accumulate) _plmr_words "$cur" "f32 f16" ;;
    --mode) _plmr_words "$cur" "compute timing" ;;
    --kv) _plmr_words "$cur" "shift concat" ;;
    --phase)
        if [ "$command" = llm ]; then _plmr_words "$cur" "both prefill decode"; else _plmr_words "$cur" "prefill decode"; fi
        ;;
    --groups) _plmr_words "$cur" "auto" ;;
    --fuse) _plmr_words "$cur" "yes no" ;;
    --tree-k | --prefill-tree-k) _plmr_words "$cur" "1 2 3 4" ;;
    --a | --b | --out | --x | --y | -f | --file | --dump | --json | --report | --trace | check) _plmr_files "$cur" ;;
    --m | --k | --n | --cores | --length | --seed | --pace | --ranks | --repeat) ;;
    -n | --n-tokens | --temp | --top-k | --top-p) ;;
    --cache) mapfile -t COMPREPLY < <(compgen -d -W none -- "$cur") ;;
    --best | --decode | --context | --batch | --layers | --prefill-cores | --decode-cores) ;;
    -p | --prompt | --ids | --tokens) ;;
    scale) _plmr_words "$cur" "strong weak" ;;
    --workload) _plmr_list "$cur" "all gemm gemv prefill decode" ;;
    --from | --records) _plmr_files "$cur" ;;
    bench) _plmr_words "$cur" "basic llm all $(_plmr_options bench)" ;;
    report) if [[ $cur == -* ]]; then _plmr_words "$cur" "$(_plmr_options report)"; else _plmr_files "$cur"; fi ;;
    device) _plmr_words "$cur" "list show check" ;;
    sweep)
        _plmr_files "$cur"
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "list $(_plmr_names sweep list)" -- "$cur")
        ;;
    model)
        _plmr_files "$cur"
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "list $(_plmr_names model list)" -- "$cur")
        ;;
    *) _plmr_words "$cur" "$(_plmr_options "$command")" ;;
    esac
}

complete -F _plmr plmr
