# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of json2seg, seg2json and seglog.

_seglog_json2seg='--output --append --sync --codec --level --group --seal
    --typed --strict --force --json --key-file --passphrase-fd --quiet --help
    --version'
_seglog_seg2json='--output --from --to --gaps --strict --json --key-file
    --passphrase-fd --quiet --help --version'

# The options of a command of seglog, or nothing when there is no such command.
_seglog_options()
{
    local common='--key-file --passphrase-fd --quiet --help --version'
    case $1 in
        check) echo "--json --expect --strict --map $common" ;;
        repair) echo "--output --force --json --expect $common" ;;
        stat) echo "--sessions --json $common" ;;
        cat) echo "--from --to --gaps --max-bytes $common" ;;
        tail) echo "--follow --lines $common" ;;
        damage)
            echo "--output --force --json --flip-bit --flip-at --zero --ones
                --insert --delete --truncate --duplicate --swap --drop
                --splice --lie-length --seed --action --count $common"
            ;;
        ls) echo "--sort --lines --flat --verify --json $common" ;;
        train) echo "--size --none --json $common" ;;
        rm)
            echo "--older-than --unreferenced --dry-run --force --json $common"
            ;;
        import)
            echo "--into --all --follow --verify --codec --level --seal --null
                --jobs --json $common"
            ;;
        seal)
            echo "--level --block --window --memory --threads --all --traces
                --no-parent --sign --json $common"
            ;;
        export)
            echo "--output --mended --versions --deleted --force --json $common"
            ;;
        rekey) echo "--new-key-file --new-passphrase-fd $common" ;;
        head) echo "--sign $common" ;;
        verify) echo "--head --key --from $common" ;;
        append) echo "--expect --sync $common" ;;
        compact)
            echo "--all --keep --merge --level --block --memory --threads
                --sign $common"
            ;;
        trim) echo "--before $common" ;;
        scrub) echo "--rate --forever --pause $common" ;;
        mend) echo "--cut --cut-first --resume $common" ;;
        backup)
            echo "--output --full --base --level --list --verify --remove
                --number --json --backup-key-file --backup-passphrase-fd
                $common"
            ;;
        restore)
            echo "--output --number --json --backup-key-file
                --backup-passphrase-fd $common"
            ;;
        kv)
            echo "--from --to --prefix --keys --escaped --json --view
                --view-temp $common"
            ;;
        events)
            echo "--from --to --follow --timeout --remove --replay --json --view
                --view-temp $common"
            ;;
        meta) echo "--set-schema --json --view --view-temp $common" ;;
    esac
}

_seglog()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local commands='check repair stat cat tail damage train ls rm import export
        seal rekey head verify append
        tombstone compact trim scrub mend backup restore kv events meta
        help'
    local options='' command=''

    case ${COMP_WORDS[0]##*/} in
        json2seg) options=$_seglog_json2seg ;;
        seg2json) options=$_seglog_seg2json ;;
        *)
            if [ "$COMP_CWORD" -eq 1 ]; then
                mapfile -t COMPREPLY < <(
                    compgen -W "$commands --help --version" -- "$word")
                return
            fi
            command=${COMP_WORDS[1]}
            if [ "$command" = help ]; then
                mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
                return
            fi
            options=$(_seglog_options "$command")
            ;;
    esac

    case $before in
        --map)
            mapfile -t COMPREPLY < <(
                compgen -W 'auto always never' -- "$word")
            return
            ;;
        --sort)
            mapfile -t COMPREPLY < <(
                compgen -W 'age size id records' -- "$word")
            return
            ;;
        --older-than) return ;; # a time
        --block | --window | --memory)
            mapfile -t COMPREPLY < <(
                compgen -W '64K 512K 1M 8M 32M 128M' -- "$word")
            return
            ;;
        --codec)
            mapfile -t COMPREPLY < <(compgen -W 'auto none deflate zstd' -- "$word")
            return
            ;;
        --level | --group | --from | --to | --expect | --lines | --seed | --count | --jobs | --threads | --passphrase-fd | --new-passphrase-fd | --base | --number | --remove | --backup-passphrase-fd)
            return # a number
            ;;
    esac
    if [ "$COMP_CWORD" -eq 2 ] && [[ $word != -* ]]; then
        case $command in
            kv)
                mapfile -t COMPREPLY < <(compgen -W 'get put del ls' -- "$word")
                return
                ;;
            events)
                mapfile -t COMPREPLY < <(
                    compgen -W 'append seal unseal pause resume retain
                        consumers dead' -- "$word"
                    compgen -f -- "$word")
                return
                ;;
        esac
    fi
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
        return
    fi
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
}

complete -F _seglog json2seg seg2json seglog
