# fish completion of nightshift. Once: nightshift completion fish > ~/.config/fish/completions/nightshift.fish
#
# At each Tab the line up to the cursor goes to "nightshift complete". Nothing of the line or of the answer is evaluated.

function __nightshift_complete
    set -l answer (command nightshift complete -- (commandline -cp | string collect) 2>/dev/null </dev/null)
    test (count $answer) -gt 1; and printf '%s\n' $answer[2..-1]

    # The value of --flag=value, or the whole word.
    set -l word (commandline -ct)
    set -l flag (string match -r -- '^--[^=]+=' "$word")
    set -l path (string replace -r -- '^--[^=]+=' '' "$word")
    switch "$answer[1]"
        case files
            for found in (__fish_complete_path "$path")
                echo "$flag$found"
            end
        case directories
            for found in (__fish_complete_directories "$path")
                echo "$flag$found"
            end
    end
end

complete -c nightshift -f -k -a '(__nightshift_complete)'
