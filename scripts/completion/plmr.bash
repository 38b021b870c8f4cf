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

_plmr()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} options row option argument words
    COMPREPLY=()
    options=$("${COMP_WORDS[0]}" --options 2>/dev/null)
    if [ "$COMP_CWORD" -eq 1 ]; then
        _plmr_words "$cur" "$(cut -f1 <<<"$options" | uniq) --help --version"
        return
    fi
    row=$(awk -F'\t' -v OFS='|' -v c="$command" -v o="$prev" \
        '$1 == c && $4 != "" && ("--" $2 == o || "-" $3 == o) { gsub(/\|/, ",", $4); print $2, $4, $5 }' <<<"$options")
    if [ -n "$row" ]; then
        IFS='|' read -r option argument words <<<"$row"
        _plmr_value "$cur" "$option" "$argument" "$words"
        return
    fi
    case $cur,${COMP_WORDS[*]:1:COMP_CWORD-1} in
    -*) ;;
    *,scale) _plmr_words "$cur" "strong weak" && return ;;
    *,bench) _plmr_words "$cur" "basic llm all" && return ;;
    *,device) _plmr_words "$cur" "list show check compare" && return ;;
    *,device\ show | *,device\ compare*) _plmr_files "$cur" "$(_plmr_names device list)" && return ;;
    *,device\ check | *,report* | *,verify* | *,validate* | *,calibrate*) _plmr_files "$cur" && return ;;
    *,sweep) _plmr_files "$cur" "list $(_plmr_names sweep list)" && return ;;
    *,model) _plmr_files "$cur" "list $(_plmr_names model list)" && return ;;
    esac
    _plmr_words "$cur" "$(awk -F'\t' -v c="$command" '$1 == c { print "--" $2 }' <<<"$options")"
}

complete -F _plmr plmr
