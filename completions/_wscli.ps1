
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
            [CompletionResult]::new('probe-origin', 'probe-origin', [CompletionResultType]::ParameterValue, 'Test whether a server enforces the Origin of its clients (cross-site WebSocket hijacking)')
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
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more: -v the steps, -vv both heads of the handshake and control frames')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more: -v the steps, -vv both heads of the handshake and control frames')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Tell errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Tell errors only')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'wscli;probe-origin' {
            [CompletionResult]::new('--allow', '--allow', [CompletionResultType]::ParameterName, 'An origin that the server must let in, such as https://client.com; repeatable')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'An origin that the server must refuse, besides those of the catalogue; repeatable')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read targets, allowed origins and accepted findings from this TOML file')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Exit with 1 when there is a finding of at least this severity [default: high]')
            [CompletionResult]::new('--absent', '--absent', [CompletionResultType]::ParameterName, 'What the policy says of requests without an origin [default: any]')
            [CompletionResult]::new('--probe', '--probe', [CompletionResultType]::ParameterName, 'Send these probes alone')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Leave these probes out')
            [CompletionResult]::new('--attacker-domain', '--attacker-domain', [CompletionResultType]::ParameterName, 'The domain that stands for the attacker''s')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Listen this long after a 101 before holding a probe for accepted')
            [CompletionResult]::new('--message', '--message', [CompletionResultType]::ParameterName, 'Send this text message on every connection')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'A message with this text, or matching /REGEX/, shows that a connection is accepted')
            [CompletionResult]::new('--reject-text', '--reject-text', [CompletionResultType]::ParameterName, 'A message or close reason with this text, or matching /REGEX/, shows that it is refused')
            [CompletionResult]::new('--concurrency', '--concurrency', [CompletionResultType]::ParameterName, 'Send up to this many probes at a time, if the server treats that many like one')
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Tell all about one probe and exit')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write the report as JSON; ''-'' is stdout, and the table goes to stderr')
            [CompletionResult]::new('--junit', '--junit', [CompletionResultType]::ParameterName, 'Write the report as JUnit XML')
            [CompletionResult]::new('--sarif', '--sarif', [CompletionResultType]::ParameterName, 'Write the report as SARIF 2.1.0')
            [CompletionResult]::new('--markdown', '--markdown', [CompletionResultType]::ParameterName, 'Write the report as Markdown')
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
            [CompletionResult]::new('--exotic', '--exotic', [CompletionResultType]::ParameterName, 'Send malformed probes too, last: they can end a weak server')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'Print the catalogue and exit')
            [CompletionResult]::new('--github', '--github', [CompletionResultType]::ParameterName, 'Print GitHub workflow annotations, and add to the job summary')
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
