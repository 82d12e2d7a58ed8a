
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
            [CompletionResult]::new('--allow-origin', '--allow-origin', [CompletionResultType]::ParameterName, 'Let in pages of this origin only, such as https://example.com; repeat for more, ''*'' lets in all [default: all]')
            [CompletionResult]::new('--subprotocol', '--subprotocol', [CompletionResultType]::ParameterName, 'Speak this subprotocol where a client offers it; repeat in order of preference')
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'Speak this subprotocol where a client offers it; repeat in order of preference')
            [CompletionResult]::new('--compress', '--compress', [CompletionResultType]::ParameterName, 'Agree to permessage-deflate; with PARAMS such as ''server_no_context_takeover; client_max_window_bits=10'' only on these terms')
            [CompletionResult]::new('--max-message-size', '--max-message-size', [CompletionResultType]::ParameterName, 'Accept messages up to this size; a larger one is answered with Close 1009')
            [CompletionResult]::new('--keep-alive', '--keep-alive', [CompletionResultType]::ParameterName, 'How to keep quiet connections alive')
            [CompletionResult]::new('--keep-alive-interval', '--keep-alive-interval', [CompletionResultType]::ParameterName, 'The quiet time before a keep-alive frame; 0 sends none')
            [CompletionResult]::new('--keep-alive-timeout', '--keep-alive-timeout', [CompletionResultType]::ParameterName, 'Close with 1011 when a keep-alive ping is not answered within this time [default: wait for ever]')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'How long to wait at the end for clients to answer the Close')
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
