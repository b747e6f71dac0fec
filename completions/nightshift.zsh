#compdef nightshift
# zsh completion of nightshift. In ~/.zshrc, after compinit: source <(nightshift completion zsh)
#
# At each Tab the line up to the cursor goes to "nightshift complete". Nothing of the line or of the answer is evaluated.

_nightshift() {
  local line word about answer ret=1
  local -a lines found
  lines=("${(@f)$(command nightshift complete -- "${(j: :)words[1,CURRENT-1]} $QIPREFIX$PREFIX" 2>/dev/null </dev/null)}")
  answer=$lines[1]
  for line in "${(@)lines[2,-1]}"; do
    word=${${line%%$'\t'*}//:/\\:}
    about=${line#*$'\t'}
    found+=("$word${about:+:$about}")
  done
  (( $#found )) && _describe -V nightshift found && ret=0
  [[ $answer != words && $PREFIX == --*=* ]] && compset -P 1 '*='
  case $answer in
    files) _files && ret=0 ;;
    directories) _files -/ && ret=0 ;;
  esac
  return ret
}

if [[ $funcstack[1] == _nightshift ]]; then
  _nightshift "$@"
else
  compdef _nightshift nightshift
fi
