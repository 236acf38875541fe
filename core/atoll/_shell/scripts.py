"""Scripts for other shells; in them, Tab calls `completion answer` of atoll."""

BASH = """\
_atoll() {
    local line=${COMP_LINE:0:COMP_POINT} begun common exact text
    # For bash, a word begins after = and : as well; what stands before is not to be replaced.
    begun=${line##*[[:space:]]}
    [[ $begun == *"$2" ]] && begun=${begun%"$2"} || begun=
    [[ $line == *[\\'\\"\\\\]* ]] && exact=--exact
    COMPREPLY=()
    while IFS=$'\\t' read -r text _; do
        [[ $line == *[\\'\\"]* ]] || printf -v text %q "$text"
        text=${text#"$begun"}
        (( ${#COMPREPLY[@]} )) || common=$text
        while [[ $text != "$common"* ]]; do common=${common%?}; done
        COMPREPLY+=("$text")
    done < <("$1" completion answer $exact --line "$line" 2> /dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]] && compopt -o nospace
    (( ${#COMPREPLY[@]} > 1 )) || return 0
    # With a blank beside them they are only listed: those that do not begin with what was typed,
    # and options where no word was begun.
    [[ $exact || $common == "$2"* ]] && [[ $2 || $common != -* ]] || COMPREPLY+=(' ')
}
complete -F _atoll atoll backend.ai
"""

ZSH = """\
_atoll() {
    local -a whole open loose
    local text meta options=yes typed="${(Q)words[CURRENT]}"
    while IFS=$'\\t' read -r text meta; do
        [[ $text == "$typed"* ]] || loose=(-U)
        [[ $typed$text == -* ]] || options=
        case $text in
            *[=/]) open+=("${text//:/\\\\:}${meta:+:$meta}") ;;
            *) whole+=("${text//:/\\\\:}${meta:+:$meta}") ;;
        esac
    done < <("${words[1]}" completion answer -- "${(@Q)words[2,CURRENT]}" 2> /dev/null)
    (( $#whole )) && _describe -V atoll whole $loose
    (( $#open )) && _describe -V atoll open $loose -S ''
    # What does not begin with what was typed is gone through; options are only listed where no
    # word was begun.
    (( $#loose )) && compstate[insert]=menu
    [[ -z $typed && $options ]] && compstate[insert]= compstate[list]='list force'
    return 0
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
