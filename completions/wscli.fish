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
man-serve\t'The man page wscli-serve(1)'
man-probe-origin\t'The man page wscli-probe-origin(1)'"
complete -c wscli -n "__fish_wscli_needs_command" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_needs_command" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wscli -n "__fish_wscli_needs_command" -s V -l version -d 'Print version'
complete -c wscli -n "__fish_wscli_needs_command" -f -a "connect" -d 'Talk to a WebSocket server: standard input goes out, messages come back'
complete -c wscli -n "__fish_wscli_needs_command" -f -a "serve" -d 'Run an echo server'
complete -c wscli -n "__fish_wscli_needs_command" -f -a "probe-origin" -d 'Test whether a server enforces the Origin of its clients (cross-site WebSocket hijacking)'
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
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s h -l help -d 'Print help'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -s h -l help -d 'Print help'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l allow -d 'An origin that the server must let in, such as https://client.com; repeatable' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l deny -d 'An origin that the server must refuse, besides those of the catalogue; repeatable' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l config -d 'Read targets, allowed origins and accepted findings from this TOML file' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l fail-on -d 'Exit with 1 when there is a finding of at least this severity [default: high]' -r -f -a "critical\t'There is no check'
high\t'Any web page gets in'
medium\t'A foothold gets in'
low\t'Anything but what is worth knowing only'"
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l absent -d 'What the policy says of requests without an origin [default: any]' -r -f -a "allow\t'They must be let in'
deny\t'They must be refused'
any\t'Both are fine'"
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l probe -d 'Send these probes alone' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l skip -d 'Leave these probes out' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l attacker-domain -d 'The domain that stands for the attacker\'s' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l window -d 'Listen this long after a 101 before holding a probe for accepted' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l message -d 'Send this text message on every connection' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l expect -d 'A message with this text, or matching /REGEX/, shows that a connection is accepted' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l reject-text -d 'A message or close reason with this text, or matching /REGEX/, shows that it is refused' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l concurrency -d 'Send up to this many probes at a time, if the server treats that many like one' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l explain -d 'Tell all about one probe and exit' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l json -d 'Write the report as JSON; \'-\' is stdout, and the table goes to stderr' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l junit -d 'Write the report as JUnit XML' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l sarif -d 'Write the report as SARIF 2.1.0' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l markdown -d 'Write the report as Markdown' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s H -l header -d 'Send this header; \'Name:\' leaves a default header out, \'Name;\' sends it empty, \'@FILE\' reads a line each' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l origin -d 'Send this Origin header' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s A -l user-agent -d 'Send this User-Agent header' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s s -l subprotocol -l protocol -d 'Offer this subprotocol; repeat in order of preference' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l compress -d 'Offer permessage-deflate; alone as browsers do, or with PARAMS such as \'server_no_context_takeover; client_max_window_bits=10\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l max-message-size -d 'Accept messages up to this size' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l unix-socket -d 'Connect to this Unix domain socket instead of the URL\'s host' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l connect-timeout -d 'Give up when the connection is not open after this time' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s m -l max-time -d 'Give up when not done after this time' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l exotic -d 'Send malformed probes too, last: they can end a weak server'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l list -d 'Print the catalogue and exit'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l github -d 'Print GitHub workflow annotations, and add to the job summary'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s h -l help -d 'Print help (see more with \'--help\')'
