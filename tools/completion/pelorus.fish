# SPDX-License-Identifier: Apache-2.0
# Completion of pelorus for fish: subcommands with what they do, options, followed names, instances.

function __pelorus_commands
    pelorus $argv --help 2>/dev/null | string replace -rf '^  ([a-z-]+) +(.*)' '$1\t$2'
end

function __pelorus_options
    pelorus $argv --help 2>/dev/null | string match -ra -- '--[a-z][a-z-]*' | sort -u
end

function __pelorus_values # of a key in JSON
    pelorus topology --json 2>/dev/null | string match -rga "\"$argv\": *\"([^\"]*)\"" | sort -u
end

function __pelorus_words # what was typed before, with a noun and its command as one
    set -l words (commandline -opc)
    if contains -- "$words[2]" prober reader; and test (count $words) -gt 2
        set words $words[1] "$words[2] $words[3]" $words[4..-1]
    end
    string join \n -- $words[2..-1]
end

function __pelorus_complete
    set -l words (__pelorus_words)
    set -l command (string split ' ' -- $words[1])
    switch "$words[-1]"
        case --role
            printf '%s\n' writer reader
            return
        case --shell
            printf '%s\n' sh fish docker systemd
            return
        case -f --format
            printf '%s\n' table tree tsv json
            return
        case --config --password-file --defaults-file --ssl-ca --from --env-file
            __fish_complete_path (commandline -ct)
            return
        case --cluster
            __pelorus_values name
            return
    end
    if test (count $words) -eq 0; or test "$words" = help
        __pelorus_commands
        return
    end
    if string match -q -- '-*' (commandline -ct); and not contains -- -- $words
        __pelorus_options $command
        return
    end
    switch "$command"
        case run doctor
            __fish_complete_command
        case prober reader
            __pelorus_commands $command
        case config
            printf '%s\n' show check
        case lab
            pelorus lab --help 2>/dev/null | string replace -rf '^    ([a-z]+) +(.*)' '$1\t$2'
        case 'reader *' admit hold warm drain
            __pelorus_values id
        case '*'
            __pelorus_values name
    end
end

complete -c pelorus -f -a '(__pelorus_complete)'
