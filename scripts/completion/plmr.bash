# bash completion for plmr. What options there are, and what they take, plmr itself says (plmr --options): a line for each,
# of command, name, letter, argument, words (after a comma: several), group, help.

# The first words of what a plmr command lists.
_plmr_names()
{
    "${COMP_WORDS[0]}" "$@" 2>/dev/null | awk '$1 ~ /^[a-z][a-z0-9.-]*$/ { print $1 }'
}

# Files, and folders on the way to them; then some words.
_plmr_files()
{
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$1"; compgen -W "$2" -- "$1")
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

# What an option takes, of this argument and these words.
_plmr_value()
{
    local cur=$1 option=$2 argument=$3 words=$4
    [ -n "$words" ] || words=$(tr '|,' '\n' <<<"$argument" | grep -x '[a-z][a-z0-9-]*' | tr '\n' ' ')
    case $option,$argument in
    device,*) _plmr_files "$cur" "$(_plmr_names device list)" ;;
    model,*) _plmr_files "$cur" "$(_plmr_names model list)" ;;
    *,M,R) _plmr_list "$cur" "M R" ;;
    *FILE* | *DIR*) _plmr_files "$cur" "$words" ;;
    *) if [[ $words == ,* ]]; then _plmr_list "$cur" "${words#,}"; else _plmr_words "$cur" "$words"; fi ;;
    esac
}

# The sets of measurements, which lie in the folder that plmr --version names.
_plmr_sets()
{
    local share
    share=$("${COMP_WORDS[0]}" --version 2>/dev/null | sed -n '1s/.*), with //p')
    [ -z "$share" ] || find "$share/validation" -name '*.json' 2>/dev/null | sed 's/.*\///; s/\.json$//' | tr '\n' ' '
}

# The words from the command on: of scale strong -- COMMAND, of that.
_plmr_read_words()
{
    local i
    words=("${COMP_WORDS[@]:0:COMP_CWORD+1}")
    [ "${words[1]}" = scale ] || return
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [ "${words[i]}" = -- ]; then
            words=(plmr "${words[@]:i+1}")
            break
        fi
    done
}

# Sets cur and prev, the option if it is one. bash makes three words of --device=wse2, but not where COMP_WORDBREAKS has no =;
# then what is completed begins with `before`.
_plmr_read_value()
{
    local n=${#words[@]}
    cur=${words[n - 1]} prev=${words[n - 2]} before=
    if [ "$cur" = = ]; then
        cur=
    elif [ "$prev" = = ]; then
        prev=${words[n - 3]}
    elif [[ $cur == --*=* ]]; then
        prev=${cur%%=*} before=${cur%%=*}= cur=${cur#*=}
    fi
}

# What stands where no option is begun; fails where nothing of that kind can.
_plmr_operand()
{
    case $1 in
    scale) _plmr_words "$cur" "strong weak" ;;
    scale*\ --from\ *) _plmr_files "$cur" ;;
    bench) _plmr_words "$cur" "basic llm all" ;;
    device) _plmr_words "$cur" "list show check compare" ;;
    device\ show | device\ compare*) _plmr_files "$cur" "$(_plmr_names device list)" ;;
    validate*) _plmr_files "$cur" "$(_plmr_sets)" ;;
    device\ check | report* | verify* | calibrate*) _plmr_files "$cur" ;;
    sweep) _plmr_files "$cur" "list $(_plmr_names sweep list)" ;;
    model) _plmr_files "$cur" "list $(_plmr_names model list)" ;;
    *) return 1 ;;
    esac
}

_plmr()
{
    local words cur prev before options row option argument takes
    COMPREPLY=()
    _plmr_read_words
    _plmr_read_value
    options=$("${COMP_WORDS[0]}" --options 2>/dev/null)
    if [ ${#words[@]} -eq 2 ]; then
        _plmr_words "$cur" "$(cut -f1 <<<"$options" | uniq) --help --version"
        return
    fi
    row=$(awk -F'\t' -v OFS='|' -v c="${words[1]}" -v o="$prev" \
        '$1 == c && $4 != "" && ("--" $2 == o || "-" $3 == o) { gsub(/\|/, ",", $4); print $2, $4, $5 }' <<<"$options")
    if [ -n "$row" ]; then
        IFS='|' read -r option argument takes <<<"$row"
        _plmr_value "$cur" "$option" "$argument" "$takes"
        COMPREPLY=("${COMPREPLY[@]/#/$before}")
        return
    fi
    [[ $cur != -* ]] && _plmr_operand "${words[*]:1:${#words[@]}-2}" && return
    _plmr_words "$cur" "$(awk -F'\t' -v c="${words[1]}" '$1 == c { print "--" $2 }' <<<"$options")"
}

complete -F _plmr plmr
