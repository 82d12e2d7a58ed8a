# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wscli_global_optspecs
    string join \n v/verbose q/quiet generate= h/help V/version
end

function __fish_wscli_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_wscli_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_wscli_using_subcommand
    set -l cmd (__fish_wscli_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c wscli -n "__fish_wscli_needs_command" -l generate -d 'Print a shell completion script or a man page to stdout' -r -f -a "complete-bash\t'Completions for bash'
complete-zsh\t'Completions for zsh'
complete-fish\t'Completions for fish'
complete-powershell\t'Completions for PowerShell'
man\t'The man page wscli(1)'
man-connect\t'The man page wscli-connect(1)'
man-serve\t'The man page wscli-serve(1)'"
complete -c wscli -n "__fish_wscli_needs_command" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_needs_command" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wscli -n "__fish_wscli_needs_command" -s V -l version -d 'Print version'
complete -c wscli -n "__fish_wscli_needs_command" -f -a "connect" -d 'Talk to a WebSocket server: standard input goes out, messages come back'
complete -c wscli -n "__fish_wscli_needs_command" -f -a "serve" -d 'Run an echo server'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s x -l execute -d 'Send this message and read no input; repeat for more' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l setup -d 'Send this text message first, then the input; repeat for more' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s n -l count -d 'End after N messages received, even if the input goes on; wait for them in any silence' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l until -d 'End after a message that holds PATTERN: a literal, /regex/, or a JSONPath such as $.done that selects something' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s w -l linger -l wait -d 'Stay this long after the end of the input (inf: until the peer closes) instead of waiting for silence' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l close-code -d 'Close with this code' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l close-reason -d 'Close with this reason' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s H -l header -d 'Send this header; \'Name:\' leaves a default header out, \'Name;\' sends it empty, \'@FILE\' reads a line each' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l origin -d 'Send this Origin header' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s A -l user-agent -d 'Send this User-Agent header' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s s -l subprotocol -l protocol -d 'Offer this subprotocol; repeat in order of preference' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l compress -d 'Offer permessage-deflate; alone as browsers do, or with PARAMS such as \'server_no_context_takeover; client_max_window_bits=10\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l max-message-size -d 'Accept messages up to this size' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l unix-socket -d 'Connect to this Unix domain socket instead of the URL\'s host' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l connect-timeout -d 'Give up when the connection is not open after this time' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s m -l max-time -d 'Give up when not done after this time' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l demo -d 'Start an echo server on a free loopback port and talk to it'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l echo -d 'Answer every message with itself until the peer closes; read no input'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s 0 -l null -d 'End messages with NUL instead of a line feed, in both directions'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l jsonl -d 'One JSON object a line and event, in both directions: {"type":"text","data":"…"}; binary, ping and pong data in base64'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l binary -d 'Send the input as binary messages of up to 64 KiB, write payloads unchanged with nothing between them'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s 1 -d 'The same as -n 1'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s h -l help -d 'Print help'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l host -d 'Listen on this address of the machine; 0.0.0.0 and :: are all of them' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -s p -l port -d 'Listen on this port; 0 takes a free one [default: 5000, or the next that is free]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l unix-socket -d 'Listen on this Unix domain socket instead; what a dead server left there is replaced' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l path -d 'Echo at this path, whatever its case; repeat for more' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l static -d 'Serve the files of this folder at other paths, instead of the page' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l chaos -d 'Let things go wrong, by share of the messages received: \'delay=10ms..200ms,lose=1%,drop=1%,reset=1%,close=0.1%\'; such connections do not compress' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l seed -d 'Repeat the chances of an earlier --chaos, whose seed was printed' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l allow-origin -d 'Let in pages of this origin only: scheme, host, and a port that is not the default; repeat for more, \'*\' lets in all [default: all]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l subprotocol -l protocol -d 'Speak this subprotocol where a client offers it; repeat in order of preference' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l compress -d 'Agree to permessage-deflate; with PARAMS such as \'server_no_context_takeover; client_max_window_bits=10\' only on these terms' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l max-message-size -d 'Accept messages up to this size; a larger one is answered with Close 1009' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l receive-buffer-size -d 'The read buffer of each connection; larger messages than this take more reads' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l max-connections -d 'Keep this many WebSockets open at a time; more are answered with 503 [default: as many as the system allows]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l max-connections-per-ip -d 'Take this many connections from one address at a time, a /64 counting as one; more are answered with 503 [default: no limit]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l idle-timeout -d 'Close with 1001 when a client has sent nothing, not even a pong, for this long [default: never]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l write-timeout -d 'Drop a client that takes nothing of what is sent to it for this long' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l handshake-timeout -d 'How long a client may take for its request' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l keep-alive -d 'How to keep quiet connections alive' -r -f -a "ping\t'A Ping after each interval without a frame from the peer'
pong\t'An unsolicited, empty Pong every interval'
off\t'Nothing'"
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l keep-alive-interval -d 'The quiet time before a keep-alive frame; 0 sends none' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l keep-alive-timeout -d 'Close with 1011 when a keep-alive ping is not answered within this time [default: wait for ever]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l grace -d 'How long to wait at the end for clients to answer the Close' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l workers -d 'Serve on this many threads [default: one for each core]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l admin -d 'Answer /healthz and /metrics (Prometheus) at this address, such as 127.0.0.1:9090' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l access-log -d 'Append what --jsonl prints to this file, request by request; - is the same as --jsonl' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l no-page -d 'Do not serve the page at /'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l lab -d 'Mount the fault lab: /delay/MS, /close/CODE, /drop, /bad-utf8 and more; the table is in docs/fault-lab.md'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l require-origin -d 'Refuse requests without an Origin header, which browsers always send'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l jsonl -d 'Print one JSON object a line for each event: first \'ready\' with the URL and the port, then open, refused, close, ...'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
