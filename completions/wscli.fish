# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wscli_global_optspecs
    string join \n v/verbose q/quiet color= generate= h/help V/version
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

complete -c wscli -n "__fish_wscli_needs_command" -l color -d 'When to colour the output' -r -f -a "auto\t'At a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wscli -n "__fish_wscli_needs_command" -l generate -d 'Print a shell completion script or a man page to stdout' -r -f -a "complete-bash\t'Completions for bash'
complete-zsh\t'Completions for zsh'
complete-fish\t'Completions for fish'
complete-powershell\t'Completions for PowerShell'
man\t'The man page wscli(1)'
man-connect\t'The man page wscli-connect(1)'
man-serve\t'The man page wscli-serve(1)'
man-probe-origin\t'The man page wscli-probe-origin(1)'
man-bench\t'The man page wscli-bench(1)'"
complete -c wscli -n "__fish_wscli_needs_command" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_needs_command" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wscli -n "__fish_wscli_needs_command" -s V -l version -d 'Print version'
complete -c wscli -n "__fish_wscli_needs_command" -f -a "connect" -d 'Talk to a WebSocket server: standard input goes out, messages come back'
complete -c wscli -n "__fish_wscli_needs_command" -f -a "serve" -d 'Run an echo server'
complete -c wscli -n "__fish_wscli_needs_command" -f -a "probe-origin" -d 'Test whether a server enforces the Origin of its clients (cross-site WebSocket hijacking)'
complete -c wscli -n "__fish_wscli_needs_command" -f -a "bench" -d 'Put load on a server and measure latency and throughput'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s x -l execute -d 'Send this message and read no input; repeat for more. @FILE sends a file as one message, text if it is UTF-8, and @- standard input; -x=@alice sends the text itself' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l setup -d 'Send this message first, then the input; repeat for more. @FILE and =@alice as with -x' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l expect -d 'Wait for a record that holds P, passing over others: a literal, /regex/, a JSONPath, or JSON, of which the record must hold a part, such as {"id":1}; -x and --expect are done in their order, no input is read, and what is not met ends with 10' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l expect-next -d 'The very next record must hold P' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l expect-none -d 'No record may hold P until --for is over (/^/ stands for any record)' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l expect-close -d 'Wait for the end of the connection with this code: 1005 for a Close without one, 1006 for none' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l within -d 'How long the --expect to the left may take, from the last message sent [default: 5s]' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l for -d 'How long the --expect-none to the left takes [default: 1s]' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l capture -d 'Keep a part of what met the --expect to the left, for {{NAME}} in later steps and rules: a JSONPath such as $.id, /regex/ (its first group), text, close.code or close.reason' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l var -d 'Let {{NAME}} stand for this text in steps and rules' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l on -d 'Answer each record that holds P with MSG, in which {{msg}} is the record and {{msg.id}} a member of it; the first rule that matches takes the record, and no --expect sees it. Besides steps, the input or the prompt; without --expect and with the input closed, until the peer closes' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l reject -d 'End with 10 when a record holds P' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l inbox -d 'How much may wait for the steps before no more is read from the server' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s n -l count -d 'End after N messages received (also ones that --filter hides; besides answers to --setup), even if the input goes on; wait for them in any silence' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l until -d 'End after a message that holds PATTERN: a literal, /regex/, or a JSONPath such as $.done that selects something; also one that --filter hides' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s w -l linger -l wait -d 'Stay this long after the end of the input (inf: until the peer closes) instead of waiting for silence' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l close-code -d 'Close with this code' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l close-reason -d 'Close with this reason' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l close-timeout -d 'How long the peer may take to answer our Close' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l json -d 'Write the final report as JSON to this file, or to stdout (-)' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l keep-alive -d 'How to keep a quiet connection alive' -r -f -a "ping\t'A Ping after each interval without a frame from the peer'
pong\t'An unsolicited, empty Pong every interval'
off\t'Nothing'"
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l keep-alive-interval -d 'The quiet time before a keep-alive frame; 0 sends none' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l keep-alive-timeout -d 'Close with 1011 when a keep-alive ping is not answered within this time [default: wait for ever]' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s H -l header -d 'Send this header; \'Name:\' leaves a default header out, \'Name;\' sends it empty, \'@FILE\' reads a line each' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l origin -d 'Send this Origin header' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s A -l user-agent -d 'Send this User-Agent header' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s s -l subprotocol -l protocol -d 'Offer this subprotocol; repeat in order of preference' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l compress -d 'Offer permessage-deflate; alone as browsers do, or with PARAMS such as \'server_no_context_takeover; client_max_window_bits=10\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l max-message-size -d 'Accept messages up to this size' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l max-frame-size -d 'Accept frames up to this size [default: that of messages]' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l unix-socket -d 'Connect to this Unix domain socket instead of the URL\'s host' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l connect-timeout -d 'Give up when the connection is not open after this time' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s m -l max-time -d 'Give up when not done after this time' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l max-redirs -d 'Follow at most so many redirects; -1 for any number' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l wait-up -d 'Try again for this time while the server is not up: refused, reset, no such name yet, no answer, 502, 503, 504' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l resolve -d 'Take these addresses for HOST (\'*\' for any) and PORT instead of the resolver\'s; more of them behind commas' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l connect-to -d 'Connect to HOST2:PORT2 where HOST1:PORT1 is asked for; empty parts fit, or keep, everything' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l interface -d 'Connect from this interface, address or host name (also if!NAME, host!NAME, ifhost!NAME!HOST)' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l proxy -d 'Connect through this proxy: http://, https://, socks5:// or socks5h:// (also written socks://), then USER:PASSWORD@HOST:PORT as needed; \'\' for none, whatever the environment says' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l noproxy -d 'Go past the proxy for these hosts: names with all below them, addresses, networks as 10.0.0.0/8, or \'*\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l proxy-cacert -d 'Trust the certificates in this file for an https:// proxy, in place of the platform\'s' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s u -l user -d 'Send this user name and password (Basic); asked for on a terminal when the password is left out' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l bearer -d 'Send this token (Bearer)' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l netrc-file -d 'The same, in this file' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s b -l cookie -d 'Send these cookies (\'a=1; b=2\'), or those that a cookie-jar file in the Netscape format has for the server' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l cacert -l ca -d 'Trust the certificates in this file (PEM, or one as DER) in place of the platform\'s' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l cert -d 'Show this client certificate: PEM with its chain, DER, or PKCS#12 with the key' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l key -d 'The client certificate\'s private key, where --cert does not hold it: PEM or DER' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l pass -d 'The passphrase of the key or of the PKCS#12; asked for on a terminal when left out' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l pinnedpubkey -d 'Take only a server with one of these public keys: sha256//BASE64, several separated by \';\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l sni -d 'Send and verify this name in place of the URL\'s' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l tls-max -d 'Speak this version of TLS or older: 1.2 or 1.3' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l from-curl -d 'Take the URL and the flags of this curl command ("Copy as cURL" of a browser): as one word, as all the words that follow, or @FILE' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l filter -d 'Of received JSON, show only what this RFC 9535 JSONPath selects, such as \'$.data.price\', as it is written, a line each, and nothing of other messages; sees every record of a message; the log has all' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l decode -d 'Take messages apart into records, a line of the output each: by CODEC json, lines or record-separator (U+001E, as SignalR has it), or auto, by what the bytes show; off shows messages as they come [default: auto at the prompt, off in a pipe]' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l log -d 'Append the communication log to this file, as JSON Lines' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l har -d 'Write the communication log to this file, as HAR 1.2' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l replay -d 'Send again what was sent in this log, or HAR file of a browser, with its timing; in a pipe, this is the whole input' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l speed -d 'Replay at so many times the recorded speed, such as 2x' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l reconnect -d 'Connect again when the connection is lost or cannot be opened, at most N times in a row (0 or none: without limit), and send --setup again; not after what does not mend itself, such as a 401, 403 or 404, an invalid answer, or a Close 1008 or 4004; in a pipe, not when the peer closed with 1000 or nothing is left to wait for' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l reconnect-on -d 'Connect again after these statuses and close codes too (such as 403,4004), or after all that --reconnect gives up on' -r
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l color -d 'When to colour the output' -r -f -a "auto\t'At a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l demo -d 'Start an echo server on a free loopback port and talk to it'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l escapes -d 'Read \\x1e \\0 \\r \\n \\t \\u001e \\u{1f44d} and \\\\ in -x, --setup and lines of the input, as /text does; JSON stands for itself'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l echo -d 'Answer every message with itself until the peer closes; read no input'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s 0 -l null -d 'End messages with NUL instead of a line feed, in both directions'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l jsonl -d 'One JSON object a line and event, in both directions: {"type":"text","data":"…"}; binary, ping and pong data in base64'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l binary -d 'Send the input as binary messages of up to 64 KiB, write payloads unchanged with nothing between them'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s 1 -d 'The same as -n 1'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s L -l location -d 'Follow redirects; credentials stay with the first host, port and scheme'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s 4 -l ipv4 -d 'Connect by IPv4 alone'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s 6 -l ipv6 -d 'Connect by IPv6 alone'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l proxy-insecure -d 'Accept any certificate of an https:// proxy'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l netrc -d 'Look up user name and password in ~/.netrc, where neither a flag nor the URL has them'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s k -l insecure -d 'Accept any certificate of the server (--pinnedpubkey still holds)'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l tlsv1.2 -d 'Speak TLS 1.2 or newer (the default)'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l tlsv1.3 -d 'Speak TLS 1.3 or newer'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l print-command -d 'Print the curl command that asks for the same upgrade, its secrets included, and end'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s i -l include -d 'Show both heads of the opening handshake'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l pretty -d 'Show JSON with a line for each member, each record of a message on its own; in a pipe, of what is received'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l raw -d 'Write the peer\'s text to the terminal as it is, escape sequences and all'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l log-secrets -d 'Keep credentials in the log and on the screen'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -l no-delay -d 'Replay without the recorded delays'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_using_subcommand connect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l host -d 'Listen on this address of the machine, \'localhost\' being both 127.0.0.1 and ::1, and 0.0.0.0 and :: all addresses; repeat for more on the same port [default: 127.0.0.1]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -s p -l port -d 'Listen on this port; 0 takes a free one. A socket from systemd (LISTEN_FDS) takes the place of host and port [default: 5000, or the next that is free]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l listen -d 'Listen here too, or here alone without --host and --port; repeat for more' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l unix-socket -d 'Listen on this Unix domain socket instead; what a dead server left there is replaced' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l unix-socket-mode -d 'The mode of that socket\'s file in octal digits, such as 660; who may write to it may connect [default: what the umask leaves]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l trusted-proxy -d 'Believe this proxy, an address, a network or \'unix\', when its Forwarded or X-Forwarded-For names the client: the last address there that is not a proxy\'s; repeat for more' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l path -d 'Echo at this path, whatever its case; repeat for more' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l static -d 'Serve the files of this folder at other paths, instead of the page' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l chaos -d 'Let things go wrong, by share of the messages sent: \'delay=10ms..200ms,lose=1%,drop=1%,reset=1%,close=0.1%\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l seed -d 'Repeat the chances of an earlier --chaos, whose seed was printed' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l allow-origin -d 'Let in pages of this origin only: scheme, host, and a port that is not the default; repeat for more, \'*\' lets in all [default: all]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l auth -d 'Ask every request for these credentials, basic:USER:PASSWORD or bearer:TOKEN, or for one of those in the lines of a file; repeat for more' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l subprotocol -l protocol -d 'Speak this subprotocol where a client offers it; repeat in order of preference' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l compress -d 'Agree to permessage-deflate; with PARAMS such as \'server_no_context_takeover; client_max_window_bits=10\' only on these terms' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l keep-alive -d 'How to keep quiet connections alive' -r -f -a "ping\t'A Ping after each interval without a frame from the peer'
pong\t'An unsolicited, empty Pong every interval'
off\t'Nothing'"
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l keep-alive-interval -d 'The quiet time before a keep-alive frame; 0 sends none' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l keep-alive-timeout -d 'Close with 1011 when a keep-alive ping is not answered within this time [default: wait for ever]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l max-message-size -d 'Accept messages up to this size; a larger one is answered with Close 1009' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l receive-buffer-size -d 'The read buffer of each connection; plain messages below 16KiB pass through one that all share' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l max-connections -d 'Keep this many WebSockets open at a time; more are answered with 503 [default: as many as there are file descriptors, less some for operators]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l max-connections-per-ip -d 'Take this many connections from one address at a time, a /64 counting as one; more are answered with 503, or closed when too many of them come at a time [default: no limit]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l max-rate -d 'Read at most this many messages a second of each connection; a client that sends more has to wait [default: no limit]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l idle-timeout -d 'Close with 1001 when a client has sent nothing, not even a pong, for this long [default: never]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l write-timeout -d 'Drop a client that takes nothing of what is sent to it for this long' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l handshake-timeout -d 'How long a client may take for its request' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l drain-delay -d 'When asked to end, answer /healthz with 503 and go on for this long before the port closes, so that a load balancer sends nobody more' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l grace -d 'How long to wait at the end for clients to answer the Close' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l workers -d 'Serve on this many threads [default: one for each core]' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l admin -d 'Answer /healthz and /metrics (Prometheus) at this address, such as 127.0.0.1:9090' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l access-log -d 'Append what --jsonl prints to this file, request by request, opened anew on SIGHUP; - is the same as --jsonl' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l tls-cert -d 'Speak TLS with this certificate, read anew on SIGHUP: PEM with its chain, DER, or PKCS#12 with the key' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l tls-key -d 'The certificate\'s private key, where --tls-cert does not hold it: PEM or DER' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l tls-pass -d 'The passphrase of the key or of the PKCS#12; asked for on a terminal when left out' -r
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l tls-client-ca -d 'Demand a certificate of every client, signed by one of those in this file' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l color -d 'When to colour the output' -r -f -a "auto\t'At a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l proxy-protocol -d 'Expect a header of the PROXY protocol, version 1 or 2, from every trusted proxy, and take the client\'s address from it'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l no-page -d 'Do not serve the page at /'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l lab -d 'Mount the fault lab: /delay/MS, /close/CODE, /drop, /bad-utf8 and more; GET /lab lists them all'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l require-origin -d 'Refuse requests without an Origin header, which browsers always send'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l jsonl -d 'Print one JSON object a line for each event: first \'ready\' with the URL and the port, then open, refused, close, ...'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -l tls-self-signed -d 'Speak TLS with a new certificate for localhost, and print how a client can trust it'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l allow -d 'An origin that the server must let in, such as https://client.com; repeatable; \'none\' where no page may get in' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l deny -d 'An origin that the server must refuse, besides those of the catalogue; repeatable' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l config -d 'Read targets, allowed origins and accepted findings from this TOML file' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l fail-on -d 'Exit with 1 when there is a finding of at least this severity [default: high]' -r -f -a "critical\t'There is no check'
high\t'Any web page gets in'
medium\t'A foothold gets in'
low\t'Anything but what is worth knowing only'"
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l absent -d 'What the policy says of requests without an origin [default: any]' -r -f -a "allow\t'They must be let in'
deny\t'They must be refused'
any\t'Both are fine'"
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l targets -d 'Probe the addresses in this file too, one a line; \'-\' is standard input' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l from-har -d 'Probe the WebSockets that a browser has recorded in this HTTP archive, on the sites of --allow' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l from-curl -d 'Take the URL and the flags of this curl command ("Copy as cURL" of a browser): as one word, as all the words that follow, or @FILE' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l parallel -d 'Probe up to this many targets at a time' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l secret-param -d 'A parameter of the URL that an attacker\'s page does not know: a probe that is let in is sent again without it; repeatable' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l secret-header -d 'The same for a header' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l secret-subprotocol -d 'The same for a subprotocol, which is offered besides those of -s: the value itself' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l samesite -d 'The SameSite attribute of the application\'s cookies [default: none]' -r -f -a "none\t'Browsers send them from everywhere'
lax\t'Browsers send them from pages of the same site'
strict\t'The same'"
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l ticket-command -d 'Run this with \'sh -c\' for each handshake; the first line of its output takes the place of {ticket} in URL, headers and subprotocols' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l as -d 'Send the headers that this browser sends with its handshakes' -r -f -a "chrome\t'Chromium, and what is made of it'
firefox\t'Firefox'"
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l probe -d 'Send these probes alone' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l skip -d 'Leave these probes out' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l attacker-domain -d 'The domain that stands for the attacker\'s' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l window -d 'Listen this long after a 101 before holding a probe for accepted' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l message -d 'Send this text message on every connection' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l expect -d 'A message with this text, matching /REGEX/, or with what a JSONPath such as $.ok selects, shows that a connection is accepted' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l reject-text -d 'A message or close reason with this text, matching /REGEX/, or with what a JSONPath selects, shows that it is refused' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l concurrency -d 'Send up to this many probes at a time, if the server treats that many like one' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l explain -d 'Tell all about one probe and exit' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l json -d 'Write the report as JSON; \'-\' is stdout, and the table goes to stderr' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l junit -d 'Write the report as JUnit XML' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l sarif -d 'Write the report as SARIF 2.1.0' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l markdown -d 'Write the report as Markdown' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l gitlab -d 'Write the report for GitLab\'s security dashboards (artifacts:reports:sast)' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l html -d 'Write the report as one HTML page' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l poc -d 'Write a page that shows in a browser what was let in: the proof for a ticket' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l baseline -d 'Let findings through that are in this file: only new ones fail' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l write-baseline -d 'Write the findings of this run as a baseline; the exit code stays as it is' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s H -l header -d 'Send this header; \'Name:\' leaves a default header out, \'Name;\' sends it empty, \'@FILE\' reads a line each' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s A -l user-agent -d 'Send this User-Agent header' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s s -l subprotocol -l protocol -d 'Offer this subprotocol; repeat in order of preference' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l compress -d 'Offer permessage-deflate; alone as browsers do, or with PARAMS such as \'server_no_context_takeover; client_max_window_bits=10\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l max-message-size -d 'Accept messages up to this size' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l max-frame-size -d 'Accept frames up to this size [default: that of messages]' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l unix-socket -d 'Connect to this Unix domain socket instead of the URL\'s host' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l connect-timeout -d 'Give up when the connection is not open after this time' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s m -l max-time -d 'Give up when not done after this time' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l max-redirs -d 'Follow at most so many redirects; -1 for any number' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l wait-up -d 'Try again for this time while the server is not up: refused, reset, no such name yet, no answer, 502, 503, 504' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l resolve -d 'Take these addresses for HOST (\'*\' for any) and PORT instead of the resolver\'s; more of them behind commas' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l connect-to -d 'Connect to HOST2:PORT2 where HOST1:PORT1 is asked for; empty parts fit, or keep, everything' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l interface -d 'Connect from this interface, address or host name (also if!NAME, host!NAME, ifhost!NAME!HOST)' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l proxy -d 'Connect through this proxy: http://, https://, socks5:// or socks5h:// (also written socks://), then USER:PASSWORD@HOST:PORT as needed; \'\' for none, whatever the environment says' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l noproxy -d 'Go past the proxy for these hosts: names with all below them, addresses, networks as 10.0.0.0/8, or \'*\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l proxy-cacert -d 'Trust the certificates in this file for an https:// proxy, in place of the platform\'s' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s u -l user -d 'Send this user name and password (Basic); asked for on a terminal when the password is left out' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l bearer -d 'Send this token (Bearer)' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l netrc-file -d 'The same, in this file' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s b -l cookie -d 'Send these cookies (\'a=1; b=2\'), or those that a cookie-jar file in the Netscape format has for the server' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l cacert -l ca -d 'Trust the certificates in this file (PEM, or one as DER) in place of the platform\'s' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l cert -d 'Show this client certificate: PEM with its chain, DER, or PKCS#12 with the key' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l key -d 'The client certificate\'s private key, where --cert does not hold it: PEM or DER' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l pass -d 'The passphrase of the key or of the PKCS#12; asked for on a terminal when left out' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l pinnedpubkey -d 'Take only a server with one of these public keys: sha256//BASE64, several separated by \';\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l sni -d 'Send and verify this name in place of the URL\'s' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l tls-max -d 'Speak this version of TLS or older: 1.2 or 1.3' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l origin -d 'Send this Origin header' -r
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l color -d 'When to colour the output' -r -f -a "auto\t'At a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l use-har-credentials -d 'Send the cookies and tokens of the archive'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l exotic -d 'Send malformed probes too, last: they can end a weak server'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l quick -d 'End with the first probe of a web page that is let in and counts'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l list -d 'Print the catalogue and exit'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l github -d 'Print GitHub workflow annotations, and add to the job summary'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s L -l location -d 'Follow redirects; credentials stay with the first host, port and scheme'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s 4 -l ipv4 -d 'Connect by IPv4 alone'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s 6 -l ipv6 -d 'Connect by IPv6 alone'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l proxy-insecure -d 'Accept any certificate of an https:// proxy'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l netrc -d 'Look up user name and password in ~/.netrc, where neither a flag nor the URL has them'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s k -l insecure -d 'Accept any certificate of the server (--pinnedpubkey still holds)'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l tlsv1.2 -d 'Speak TLS 1.2 or newer (the default)'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -l tlsv1.3 -d 'Speak TLS 1.3 or newer'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_using_subcommand probe-origin" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l mode -d 'What is measured' -r -f -a "echo\t'Send messages and wait for their replies'
handshake\t'Open and close connections, again and again'
idle\t'Hold connections, and ping each every so often'
flood\t'Send without waiting'"
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s c -l connections -d 'Connections (in mode handshake: attempts at a time)' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l threads -d 'Threads; by default as many as processors, and no more than connections' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l in-flight -d 'Closed loop: messages that each connection keeps in flight [default: 1]' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s r -l rate -d 'Open loop: messages a second in all, on a fixed schedule; 100, 10k, 600/m' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l rate-per-connection -d 'Open loop: messages a second on each connection' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l stages -d 'Open loop in stages, as \'10s:100,30s:1000\': durations and messages a second in all' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l think-time -d 'Closed loop: pause between a reply and the next message' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l connect-rate -d 'Mode handshake: attempts a second in all, on a fixed schedule' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l ping-interval -d 'Mode idle: time between two pings of a connection [default: 10s]' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s d -l duration -d 'How long is measured [default: 10s, or until --messages are done]' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s n -l messages -d 'How many messages are measured' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l warmup -d 'Load before the measuring' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l ramp-up -d 'Spread the opening of the connections over this time' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l reply-timeout -d 'A message without a reply for this long is lost' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l size -d 'Size of generated messages in bytes, or a range as 64..4096 [default: 64]' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l fill -d 'What generated messages say; each says something else, but for zeros [default: random]' -r -f -a "random\t'Random letters and digits'
text\t'Words, which compress as prose does'
zeros\t'One digit all over, which compresses to nothing'"
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l payload -d 'Send a file\'s content, or the files of a directory in turn (@DIR); repeat for more' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l message -d 'Send this text, with {{n}}, {{conn}}, {{uuid}}, {{now}} and {{random 16}} filled in; repeat for more, in turn' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l match -d 'How replies are matched: auto, order, echo, an RFC 9535 JSONPath ($.id), or a regular expression whose first group is the id [default: auto]' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l threshold -d 'Exit with 1 when this is missed: \'p99<5ms\', \'errors<0.1%\', \'rate>=10k\'; repeatable, --help has the metrics' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l json -d 'Write the report as JSON to a file, or to stdout in place of the text (-)' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s H -l header -d 'Send this header; \'Name:\' leaves a default header out, \'Name;\' sends it empty, \'@FILE\' reads a line each' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l origin -d 'Send this Origin header' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s A -l user-agent -d 'Send this User-Agent header' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s s -l subprotocol -l protocol -d 'Offer this subprotocol; repeat in order of preference' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l compress -d 'Offer permessage-deflate; alone as browsers do, or with PARAMS such as \'server_no_context_takeover; client_max_window_bits=10\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l max-message-size -d 'Accept messages up to this size' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l max-frame-size -d 'Accept frames up to this size [default: that of messages]' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l unix-socket -d 'Connect to this Unix domain socket instead of the URL\'s host' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l connect-timeout -d 'Give up when the connection is not open after this time' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s m -l max-time -d 'Give up when not done after this time' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l max-redirs -d 'Follow at most so many redirects; -1 for any number' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l wait-up -d 'Try again for this time while the server is not up: refused, reset, no such name yet, no answer, 502, 503, 504' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l resolve -d 'Take these addresses for HOST (\'*\' for any) and PORT instead of the resolver\'s; more of them behind commas' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l connect-to -d 'Connect to HOST2:PORT2 where HOST1:PORT1 is asked for; empty parts fit, or keep, everything' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l interface -d 'Connect from this interface, address or host name (also if!NAME, host!NAME, ifhost!NAME!HOST)' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l proxy -d 'Connect through this proxy: http://, https://, socks5:// or socks5h:// (also written socks://), then USER:PASSWORD@HOST:PORT as needed; \'\' for none, whatever the environment says' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l noproxy -d 'Go past the proxy for these hosts: names with all below them, addresses, networks as 10.0.0.0/8, or \'*\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l proxy-cacert -d 'Trust the certificates in this file for an https:// proxy, in place of the platform\'s' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s u -l user -d 'Send this user name and password (Basic); asked for on a terminal when the password is left out' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l bearer -d 'Send this token (Bearer)' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l netrc-file -d 'The same, in this file' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s b -l cookie -d 'Send these cookies (\'a=1; b=2\'), or those that a cookie-jar file in the Netscape format has for the server' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l cacert -l ca -d 'Trust the certificates in this file (PEM, or one as DER) in place of the platform\'s' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l cert -d 'Show this client certificate: PEM with its chain, DER, or PKCS#12 with the key' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l key -d 'The client certificate\'s private key, where --cert does not hold it: PEM or DER' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l pass -d 'The passphrase of the key or of the PKCS#12; asked for on a terminal when left out' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l pinnedpubkey -d 'Take only a server with one of these public keys: sha256//BASE64, several separated by \';\'' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l sni -d 'Send and verify this name in place of the URL\'s' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l tls-max -d 'Speak this version of TLS or older: 1.2 or 1.3' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l headers-csv -d 'Headers of each connection from a CSV file: names in its first row, then a row a connection, in turn' -r -F
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l source-ip -d 'Connect from this address; repeat to have more ports' -r
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l color -d 'When to colour the output' -r -f -a "auto\t'At a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l demo -d 'Start an echo server on a free loopback port and measure it'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l precise -d 'Keep the schedule to the microsecond by spinning before each message'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l template -d 'Fill in the placeholders of --payload files too'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l text -d 'Send text messages (the default)'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l binary -d 'Send binary messages'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l verify -d 'Compare each reply with what was sent'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s L -l location -d 'Follow redirects; credentials stay with the first host, port and scheme'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s 4 -l ipv4 -d 'Connect by IPv4 alone'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s 6 -l ipv6 -d 'Connect by IPv6 alone'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l proxy-insecure -d 'Accept any certificate of an https:// proxy'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l netrc -d 'Look up user name and password in ~/.netrc, where neither a flag nor the URL has them'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s k -l insecure -d 'Accept any certificate of the server (--pinnedpubkey still holds)'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l tlsv1.2 -d 'Speak TLS 1.2 or newer (the default)'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -l tlsv1.3 -d 'Speak TLS 1.3 or newer'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s v -l verbose -d 'Tell more: -v the steps, -vv both heads of the handshake and control frames'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s q -l quiet -d 'Tell errors only'
complete -c wscli -n "__fish_wscli_using_subcommand bench" -s h -l help -d 'Print help (see more with \'--help\')'
