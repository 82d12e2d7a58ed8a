
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
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the output')
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
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'End after N messages received (also ones that --filter hides), even if the input goes on; wait for them in any silence')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'End after N messages received (also ones that --filter hides), even if the input goes on; wait for them in any silence')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'End after a message that holds PATTERN: a literal, /regex/, or a JSONPath such as $.done that selects something; also one that --filter hides')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Stay this long after the end of the input (inf: until the peer closes) instead of waiting for silence')
            [CompletionResult]::new('--linger', '--linger', [CompletionResultType]::ParameterName, 'Stay this long after the end of the input (inf: until the peer closes) instead of waiting for silence')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Stay this long after the end of the input (inf: until the peer closes) instead of waiting for silence')
            [CompletionResult]::new('--close-code', '--close-code', [CompletionResultType]::ParameterName, 'Close with this code')
            [CompletionResult]::new('--close-reason', '--close-reason', [CompletionResultType]::ParameterName, 'Close with this reason')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Write the final report as JSON to this file, or to stdout (-)')
            [CompletionResult]::new('--keep-alive', '--keep-alive', [CompletionResultType]::ParameterName, 'How to keep a quiet connection alive')
            [CompletionResult]::new('--keep-alive-interval', '--keep-alive-interval', [CompletionResultType]::ParameterName, 'The quiet time before a keep-alive frame; 0 sends none')
            [CompletionResult]::new('--keep-alive-timeout', '--keep-alive-timeout', [CompletionResultType]::ParameterName, 'Close with 1011 when a keep-alive ping is not answered within this time [default: wait for ever]')
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
            [CompletionResult]::new('--max-frame-size', '--max-frame-size', [CompletionResultType]::ParameterName, 'Accept frames up to this size [default: that of messages]')
            [CompletionResult]::new('--unix-socket', '--unix-socket', [CompletionResultType]::ParameterName, 'Connect to this Unix domain socket instead of the URL''s host')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Give up when the connection is not open after this time')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Give up when not done after this time')
            [CompletionResult]::new('--max-time', '--max-time', [CompletionResultType]::ParameterName, 'Give up when not done after this time')
            [CompletionResult]::new('--max-redirs', '--max-redirs', [CompletionResultType]::ParameterName, 'Follow at most so many redirects; -1 for any number')
            [CompletionResult]::new('--wait-up', '--wait-up', [CompletionResultType]::ParameterName, 'Try again for this time while the server is not up: refused, reset, no such name yet, no answer, 502, 503, 504')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Take these addresses for HOST (''*'' for any) and PORT instead of the resolver''s; more of them behind commas')
            [CompletionResult]::new('--connect-to', '--connect-to', [CompletionResultType]::ParameterName, 'Connect to HOST2:PORT2 where HOST1:PORT1 is asked for; empty parts fit, or keep, everything')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Connect from this interface, address or host name (also if!NAME, host!NAME, ifhost!NAME!HOST)')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Connect through this proxy: http://, https://, socks5:// or socks5h://, then USER:PASSWORD@HOST:PORT as needed; '''' for none, whatever the environment says')
            [CompletionResult]::new('--noproxy', '--noproxy', [CompletionResultType]::ParameterName, 'Go past the proxy for these hosts: names with all below them, addresses, networks as 10.0.0.0/8, or ''*''')
            [CompletionResult]::new('--proxy-cacert', '--proxy-cacert', [CompletionResultType]::ParameterName, 'Trust the certificates in this file for an https:// proxy, in place of the platform''s')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Send this user name and password (Basic); asked for on a terminal when the password is left out')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Send this user name and password (Basic); asked for on a terminal when the password is left out')
            [CompletionResult]::new('--bearer', '--bearer', [CompletionResultType]::ParameterName, 'Send this token (Bearer)')
            [CompletionResult]::new('--netrc-file', '--netrc-file', [CompletionResultType]::ParameterName, 'The same, in this file')
            [CompletionResult]::new('-b', '-b', [CompletionResultType]::ParameterName, 'Send these cookies (''a=1; b=2''), or those that a cookie-jar file in the Netscape format has for the server')
            [CompletionResult]::new('--cookie', '--cookie', [CompletionResultType]::ParameterName, 'Send these cookies (''a=1; b=2''), or those that a cookie-jar file in the Netscape format has for the server')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'Trust the certificates in this file (PEM, or one as DER) in place of the platform''s')
            [CompletionResult]::new('--ca', '--ca', [CompletionResultType]::ParameterName, 'Trust the certificates in this file (PEM, or one as DER) in place of the platform''s')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Show this client certificate: PEM with its chain, DER, or PKCS#12 with the key')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The client certificate''s private key, where --cert does not hold it: PEM or DER')
            [CompletionResult]::new('--pass', '--pass', [CompletionResultType]::ParameterName, 'The passphrase of the key or of the PKCS#12; asked for on a terminal when left out')
            [CompletionResult]::new('--pinnedpubkey', '--pinnedpubkey', [CompletionResultType]::ParameterName, 'Take only a server with one of these public keys: sha256//BASE64, several separated by '';''')
            [CompletionResult]::new('--sni', '--sni', [CompletionResultType]::ParameterName, 'Send and verify this name in place of the URL''s')
            [CompletionResult]::new('--tls-max', '--tls-max', [CompletionResultType]::ParameterName, 'Speak this version of TLS or older: 1.2 or 1.3')
            [CompletionResult]::new('--from-curl', '--from-curl', [CompletionResultType]::ParameterName, 'Take the URL and the flags of this curl command ("Copy as cURL" of a browser): as one word, as all the words that follow, or @FILE')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Of received JSON, show only what this RFC 9535 JSONPath selects, such as ''$.data.price'', and nothing of other messages; the log has all')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'Append the communication log to this file, as JSON Lines')
            [CompletionResult]::new('--har', '--har', [CompletionResultType]::ParameterName, 'Write the communication log to this file, as HAR 1.2')
            [CompletionResult]::new('--replay', '--replay', [CompletionResultType]::ParameterName, 'Send again what was sent in this log, with its timing; in a pipe, this is the whole input')
            [CompletionResult]::new('--speed', '--speed', [CompletionResultType]::ParameterName, 'Replay at so many times the recorded speed, such as 2x')
            [CompletionResult]::new('--reconnect', '--reconnect', [CompletionResultType]::ParameterName, 'Connect again when the connection is lost or cannot be opened, at most N times in a row, and send --setup again; in a pipe, not when the peer closed with 1000 or nothing is left to wait for')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the output')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Start an echo server on a free loopback port and talk to it')
            [CompletionResult]::new('--echo', '--echo', [CompletionResultType]::ParameterName, 'Answer every message with itself until the peer closes; read no input')
            [CompletionResult]::new('-0', '-0', [CompletionResultType]::ParameterName, 'End messages with NUL instead of a line feed, in both directions')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'End messages with NUL instead of a line feed, in both directions')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'One JSON object a line and event, in both directions: {"type":"text","data":"…"}; binary, ping and pong data in base64')
            [CompletionResult]::new('--binary', '--binary', [CompletionResultType]::ParameterName, 'Send the input as binary messages of up to 64 KiB, write payloads unchanged with nothing between them')
            [CompletionResult]::new('-1', '-1', [CompletionResultType]::ParameterName, 'The same as -n 1')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'Follow redirects; credentials stay with the first host, port and scheme')
            [CompletionResult]::new('--location', '--location', [CompletionResultType]::ParameterName, 'Follow redirects; credentials stay with the first host, port and scheme')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'Connect by IPv4 alone')
            [CompletionResult]::new('--ipv4', '--ipv4', [CompletionResultType]::ParameterName, 'Connect by IPv4 alone')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'Connect by IPv6 alone')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'Connect by IPv6 alone')
            [CompletionResult]::new('--proxy-insecure', '--proxy-insecure', [CompletionResultType]::ParameterName, 'Accept any certificate of an https:// proxy')
            [CompletionResult]::new('--netrc', '--netrc', [CompletionResultType]::ParameterName, 'Look up user name and password in ~/.netrc, where neither a flag nor the URL has them')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Accept any certificate of the server (--pinnedpubkey still holds)')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Accept any certificate of the server (--pinnedpubkey still holds)')
            [CompletionResult]::new('--tlsv1.2', '--tlsv1.2', [CompletionResultType]::ParameterName, 'Speak TLS 1.2 or newer (the default)')
            [CompletionResult]::new('--tlsv1.3', '--tlsv1.3', [CompletionResultType]::ParameterName, 'Speak TLS 1.3 or newer')
            [CompletionResult]::new('--print-command', '--print-command', [CompletionResultType]::ParameterName, 'Print the curl command that asks for the same upgrade, its secrets included, and end')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Show both heads of the opening handshake')
            [CompletionResult]::new('--include', '--include', [CompletionResultType]::ParameterName, 'Show both heads of the opening handshake')
            [CompletionResult]::new('--pretty', '--pretty', [CompletionResultType]::ParameterName, 'Show JSON with a line for each member; in a pipe, of what is received')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Write the peer''s text to the terminal as it is, escape sequences and all')
            [CompletionResult]::new('--log-secrets', '--log-secrets', [CompletionResultType]::ParameterName, 'Keep credentials in the log and on the screen')
            [CompletionResult]::new('--no-delay', '--no-delay', [CompletionResultType]::ParameterName, 'Replay without the recorded delays')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Tell more: -v the steps, -vv both heads of the handshake and control frames')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Tell more: -v the steps, -vv both heads of the handshake and control frames')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Tell errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Tell errors only')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'wscli;serve' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Listen on this address of the machine; 0.0.0.0 and :: are all of them')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Listen on this port; 0 takes a free one [default: 5000, or the next that is free]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Listen on this port; 0 takes a free one [default: 5000, or the next that is free]')
            [CompletionResult]::new('--unix-socket', '--unix-socket', [CompletionResultType]::ParameterName, 'Listen on this Unix domain socket instead; what a dead server left there is replaced')
            [CompletionResult]::new('--path', '--path', [CompletionResultType]::ParameterName, 'Echo at this path, whatever its case; repeat for more')
            [CompletionResult]::new('--allow-origin', '--allow-origin', [CompletionResultType]::ParameterName, 'Let in pages of this origin only: scheme, host, and a port that is not the default; repeat for more, ''*'' lets in all [default: all]')
            [CompletionResult]::new('--subprotocol', '--subprotocol', [CompletionResultType]::ParameterName, 'Speak this subprotocol where a client offers it; repeat in order of preference')
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'Speak this subprotocol where a client offers it; repeat in order of preference')
            [CompletionResult]::new('--compress', '--compress', [CompletionResultType]::ParameterName, 'Agree to permessage-deflate; with PARAMS such as ''server_no_context_takeover; client_max_window_bits=10'' only on these terms')
            [CompletionResult]::new('--max-message-size', '--max-message-size', [CompletionResultType]::ParameterName, 'Accept messages up to this size; a larger one is answered with Close 1009')
            [CompletionResult]::new('--keep-alive', '--keep-alive', [CompletionResultType]::ParameterName, 'How to keep quiet connections alive')
            [CompletionResult]::new('--keep-alive-interval', '--keep-alive-interval', [CompletionResultType]::ParameterName, 'The quiet time before a keep-alive frame; 0 sends none')
            [CompletionResult]::new('--keep-alive-timeout', '--keep-alive-timeout', [CompletionResultType]::ParameterName, 'Close with 1011 when a keep-alive ping is not answered within this time [default: wait for ever]')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'How long to wait at the end for clients to answer the Close')
            [CompletionResult]::new('--tls-cert', '--tls-cert', [CompletionResultType]::ParameterName, 'Speak TLS with this certificate: PEM with its chain, DER, or PKCS#12 with the key')
            [CompletionResult]::new('--tls-key', '--tls-key', [CompletionResultType]::ParameterName, 'The certificate''s private key, where --tls-cert does not hold it: PEM or DER')
            [CompletionResult]::new('--tls-pass', '--tls-pass', [CompletionResultType]::ParameterName, 'The passphrase of the key or of the PKCS#12; asked for on a terminal when left out')
            [CompletionResult]::new('--tls-client-ca', '--tls-client-ca', [CompletionResultType]::ParameterName, 'Demand a certificate of every client, signed by one of those in this file')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour the output')
            [CompletionResult]::new('--require-origin', '--require-origin', [CompletionResultType]::ParameterName, 'Refuse requests without an Origin header, which browsers always send')
            [CompletionResult]::new('--jsonl', '--jsonl', [CompletionResultType]::ParameterName, 'Print one JSON object a line for each event: first ''ready'' with the URL and the port, then open, refused, close, ...')
            [CompletionResult]::new('--tls-self-signed', '--tls-self-signed', [CompletionResultType]::ParameterName, 'Speak TLS with a new certificate for localhost, and print how a client can trust it')
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
