
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'wscli' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'wscli'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'wscli' {
            [CompletionResult]::new('--generate', '--generate', [CompletionResultType]::ParameterName, 'Print a shell completion script or a man page to stdout')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more: -v the steps, -vv both heads of the handshake and control frames')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more: -v the steps, -vv both heads of the handshake and control frames')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Tell errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Tell errors only')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('connect', 'connect', [CompletionResultType]::ParameterValue, 'Talk to a WebSocket server: standard input goes out, messages come back')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run an echo server')
            break
        }
        'wscli;connect' {
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Send this message and read no input; repeat for more')
            [CompletionResult]::new('--execute', '--execute', [CompletionResultType]::ParameterName, 'Send this message and read no input; repeat for more')
            [CompletionResult]::new('--setup', '--setup', [CompletionResultType]::ParameterName, 'Send this text message first, then the input; repeat for more')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'End after N messages received, even if the input goes on; wait for them in any silence')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'End after N messages received, even if the input goes on; wait for them in any silence')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'End after a message that holds PATTERN: a literal, /regex/, or a JSONPath such as $.done that selects something')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Stay this long after the end of the input (inf: until the peer closes) instead of waiting for silence')
            [CompletionResult]::new('--linger', '--linger', [CompletionResultType]::ParameterName, 'Stay this long after the end of the input (inf: until the peer closes) instead of waiting for silence')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Stay this long after the end of the input (inf: until the peer closes) instead of waiting for silence')
            [CompletionResult]::new('--close-code', '--close-code', [CompletionResultType]::ParameterName, 'Close with this code')
            [CompletionResult]::new('--close-reason', '--close-reason', [CompletionResultType]::ParameterName, 'Close with this reason')
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'Send this header; ''Name:'' leaves a default header out, ''Name;'' sends it empty, ''@FILE'' reads a line each')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Send this header; ''Name:'' leaves a default header out, ''Name;'' sends it empty, ''@FILE'' reads a line each')
            [CompletionResult]::new('--origin', '--origin', [CompletionResultType]::ParameterName, 'Send this Origin header')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Send this User-Agent header')
            [CompletionResult]::new('--user-agent', '--user-agent', [CompletionResultType]::ParameterName, 'Send this User-Agent header')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Offer this subprotocol; repeat in order of preference')
            [CompletionResult]::new('--subprotocol', '--subprotocol', [CompletionResultType]::ParameterName, 'Offer this subprotocol; repeat in order of preference')
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'Offer this subprotocol; repeat in order of preference')
            [CompletionResult]::new('--compress', '--compress', [CompletionResultType]::ParameterName, 'Offer permessage-deflate; alone as browsers do, or with PARAMS such as ''server_no_context_takeover; client_max_window_bits=10''')
            [CompletionResult]::new('--max-message-size', '--max-message-size', [CompletionResultType]::ParameterName, 'Accept messages up to this size')
            [CompletionResult]::new('--unix-socket', '--unix-socket', [CompletionResultType]::ParameterName, 'Connect to this Unix domain socket instead of the URL''s host')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Give up when the connection is not open after this time')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Give up when not done after this time')
            [CompletionResult]::new('--max-time', '--max-time', [CompletionResultType]::ParameterName, 'Give up when not done after this time')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Start an echo server on a free loopback port and talk to it')
            [CompletionResult]::new('--echo', '--echo', [CompletionResultType]::ParameterName, 'Answer every message with itself until the peer closes; read no input')
            [CompletionResult]::new('-0', '-0', [CompletionResultType]::ParameterName, 'End messages with NUL instead of a line feed, in both directions')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'End messages with NUL instead of a line feed, in both directions')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'One JSON object a line and event, in both directions: {"type":"text","data":"…"}; binary, ping and pong data in base64')
            [CompletionResult]::new('--binary', '--binary', [CompletionResultType]::ParameterName, 'Send the input as binary messages of up to 64 KiB, write payloads unchanged with nothing between them')
            [CompletionResult]::new('-1', '-1', [CompletionResultType]::ParameterName, 'The same as -n 1')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more: -v the steps, -vv both heads of the handshake and control frames')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more: -v the steps, -vv both heads of the handshake and control frames')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Tell errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Tell errors only')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'wscli;serve' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Listen on this address of the machine; 0.0.0.0 and :: are all of them')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Listen on this port; 0 takes a free one [default: 5000, or the next that is free]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Listen on this port; 0 takes a free one [default: 5000, or the next that is free]')
            [CompletionResult]::new('--unix-socket', '--unix-socket', [CompletionResultType]::ParameterName, 'Listen on this Unix domain socket instead; what a dead server left there is replaced')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'Echo at this path, whatever its case; repeat for more')
            [CompletionResult]::new('--static', '--static', [CompletionResultType]::ParameterName, 'Serve the files of this folder at other paths, instead of the page')
            [CompletionResult]::new('--chaos', '--chaos', [CompletionResultType]::ParameterName, 'Let things go wrong, by share of the messages received: ''delay=10ms..200ms,lose=1%,drop=1%,reset=1%,close=0.1%''; such connections do not compress')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Repeat the chances of an earlier --chaos, whose seed was printed')
            [CompletionResult]::new('--allow-origin', '--allow-origin', [CompletionResultType]::ParameterName, 'Let in pages of this origin only: scheme, host, and a port that is not the default; repeat for more, ''*'' lets in all [default: all]')
            [CompletionResult]::new('--subprotocol', '--subprotocol', [CompletionResultType]::ParameterName, 'Speak this subprotocol where a client offers it; repeat in order of preference')
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'Speak this subprotocol where a client offers it; repeat in order of preference')
            [CompletionResult]::new('--compress', '--compress', [CompletionResultType]::ParameterName, 'Agree to permessage-deflate; with PARAMS such as ''server_no_context_takeover; client_max_window_bits=10'' only on these terms')
            [CompletionResult]::new('--max-message-size', '--max-message-size', [CompletionResultType]::ParameterName, 'Accept messages up to this size; a larger one is answered with Close 1009')
            [CompletionResult]::new('--receive-buffer-size', '--receive-buffer-size', [CompletionResultType]::ParameterName, 'The read buffer of each connection; larger messages than this take more reads')
            [CompletionResult]::new('--max-connections', '--max-connections', [CompletionResultType]::ParameterName, 'Keep this many WebSockets open at a time; more are answered with 503 [default: as many as the system allows]')
            [CompletionResult]::new('--max-connections-per-ip', '--max-connections-per-ip', [CompletionResultType]::ParameterName, 'Take this many connections from one address at a time, a /64 counting as one; more are answered with 503 [default: no limit]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'Close with 1001 when a client has sent nothing, not even a pong, for this long [default: never]')
            [CompletionResult]::new('--write-timeout', '--write-timeout', [CompletionResultType]::ParameterName, 'Drop a client that takes nothing of what is sent to it for this long')
            [CompletionResult]::new('--handshake-timeout', '--handshake-timeout', [CompletionResultType]::ParameterName, 'How long a client may take for its request')
            [CompletionResult]::new('--keep-alive', '--keep-alive', [CompletionResultType]::ParameterName, 'How to keep quiet connections alive')
            [CompletionResult]::new('--keep-alive-interval', '--keep-alive-interval', [CompletionResultType]::ParameterName, 'The quiet time before a keep-alive frame; 0 sends none')
            [CompletionResult]::new('--keep-alive-timeout', '--keep-alive-timeout', [CompletionResultType]::ParameterName, 'Close with 1011 when a keep-alive ping is not answered within this time [default: wait for ever]')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'How long to wait at the end for clients to answer the Close')
            [CompletionResult]::new('--workers', '--workers', [CompletionResultType]::ParameterName, 'Serve on this many threads [default: one for each core]')
            [CompletionResult]::new('--admin', '--admin', [CompletionResultType]::ParameterName, 'Answer /healthz and /metrics (Prometheus) at this address, such as 127.0.0.1:9090')
            [CompletionResult]::new('--access-log', '--access-log', [CompletionResultType]::ParameterName, 'Append what --jsonl prints to this file, request by request; - is the same as --jsonl')
            [CompletionResult]::new('--no-page', '--no-page', [CompletionResultType]::ParameterName, 'Do not serve the page at /')
            [CompletionResult]::new('--lab', '--lab', [CompletionResultType]::ParameterName, 'Mount the fault lab: /delay/MS, /close/CODE, /drop, /bad-utf8 and more; the table is in docs/fault-lab.md')
            [CompletionResult]::new('--require-origin', '--require-origin', [CompletionResultType]::ParameterName, 'Refuse requests without an Origin header, which browsers always send')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'Print one JSON object a line for each event: first ''ready'' with the URL and the port, then open, refused, close, ...')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more: -v the steps, -vv both heads of the handshake and control frames')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more: -v the steps, -vv both heads of the handshake and control frames')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Tell errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Tell errors only')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
