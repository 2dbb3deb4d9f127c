# SPDX-License-Identifier: Apache-2.0
# Completion of pelorus for bash: subcommands, options, words of options, followed names, instances.

_pelorus_commands()
{
	pelorus "$@" --help 2>/dev/null | sed -n 's/^  \([a-z-]*\) .*/\1/p'
}

_pelorus_options()
{
	pelorus "$@" --help 2>/dev/null | grep -o -e '--[a-z][a-z-]*' | sort -u
}

_pelorus_names()
{
	pelorus topology --json 2>/dev/null | sed -n 's/.*"name": *"\([^"]*\)".*/\1/p' | sort -u
}

_pelorus_instances()
{
	pelorus topology --json 2>/dev/null | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' | sort -u
}

_pelorus()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=("${COMP_WORDS[1]}") words

	case $command in
	prober | reader) [ "$COMP_CWORD" -eq 2 ] || command+=("${COMP_WORDS[2]}") ;;
	esac
	if [ "$COMP_CWORD" -eq 1 ] || [ "$COMP_CWORD $command" = "2 help" ]; then
		words=$(_pelorus_commands)
	else
		case $before in
		--role) words="writer reader" ;;
		--shell) words="sh fish docker systemd" ;;
		-f | --format) words="table tree tsv json" ;;
		--config | --password-file | --defaults-file | --ssl-ca | --from | --env-file | --textfile)
			COMPREPLY=($(compgen -f -- "$word"))
			return
			;;
		--cluster) words=$(_pelorus_names) ;;
		*)
			case $word in
			-*) words=$(_pelorus_options "${command[@]}") ;;
			*)
				case ${command[*]} in
				run | doctor)
					COMPREPLY=($(compgen -c -- "$word"))
					return
					;;
				config) words="show check" ;;
				prober | reader) words=$(_pelorus_commands "$command") ;;
				reader\ * | admit | hold | warm | drain) words=$(_pelorus_instances) ;;
				lab) words=$(pelorus lab --help | sed -n 's/^    \([a-z]*\) .*/\1/p') ;;
				*) words=$(_pelorus_names) ;;
				esac
				;;
			esac
			;;
		esac
	fi
	COMPREPLY=($(compgen -W "$words" -- "$word"))
}

complete -F _pelorus pelorus
