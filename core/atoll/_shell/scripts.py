"""What makes Tab in the shells of the system ask atoll, by `completion answer`."""

BASH = """\
_atoll() {
    local line=${COMP_LINE:0:COMP_POINT} begun text
    # For bash, a word begins after = and : as well; what stands before is not to be replaced.
    begun=${line##*[[:space:]]}
    [[ $begun == *"$2" ]] && begun=${begun%"$2"} || begun=
    COMPREPLY=()
    while IFS=$'\\t' read -r text _; do
        [[ $line == *[\\'\\"]* ]] || printf -v text %q "$text"
        COMPREPLY+=("${text#"$begun"}")
    done < <("$1" completion answer --line "$line" 2> /dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]] && compopt -o nospace
}
complete -F _atoll atoll backend.ai
"""

ZSH = """\
_atoll() {
    local -a whole open
    local text meta
    while IFS=$'\\t' read -r text meta; do
        case $text in
            *[=/]) open+=("${text//:/\\\\:}:$meta") ;;
            *) whole+=("${text//:/\\\\:}:$meta") ;;
        esac
    done < <("${words[1]}" completion answer -- "${(@Q)words[2,CURRENT]}" 2> /dev/null)
    (( $#whole )) && _describe -V atoll whole
    (( $#open )) && _describe -V atoll open -S ''
}
compdef _atoll atoll backend.ai
"""

FISH = """\
function __atoll_answer
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    $words[1] completion answer -- $words[2..-1] "$typed" 2> /dev/null
end
complete -c atoll -c backend.ai -f -a '(__atoll_answer)'
"""
