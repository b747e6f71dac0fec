# bash completion of nightshift. In ~/.bashrc: eval "$(nightshift completion bash)"
#
# At each Tab the line up to the cursor goes to "nightshift complete". Nothing of the line or of the answer is evaluated,
# and only words come back that need no quotes.

_nightshift() {
  local line answer=''
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z $answer ]]; then answer=$line; else COMPREPLY+=("$line"); fi
  done < <(command nightshift complete -- "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null </dev/null)
  case $answer in
    files) compopt -o default ;;
    directories) compopt -o dirnames ;;
  esac
} 2>/dev/null

if type compopt >/dev/null 2>&1; then
  complete -F _nightshift nightshift
else # before bash 4: files everywhere, or nowhere
  complete -o default -F _nightshift nightshift
fi
