//! A command line as one text, split into words as the shell that it was
//! copied for would.

use thiserror::Error;

/// Why a text is no command line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum WordsError {
    /// A quote is opened and not closed.
    #[error("a quote ({0}) of the curl command is not closed; is it complete?")]
    OpenQuote(char),
    /// A variable, which nothing here expands.
    #[error(
        "the curl command has the variable ${0}, which only a shell puts a value for; write its value in its place, or give the command to the shell: --from-curl curl …"
    )]
    Variable(String),
    /// The text ends in a backslash or caret.
    #[error("the curl command ends in the middle of a line; is it complete?")]
    OpenLine,
}

/// What stands between words. A shell knows no other blanks: a vertical tab is a
/// word's character to it.
const BLANKS: &[&str] = &[" ", "\t", "\n", "\r\n"];

/// Splits for bash, or for cmd.exe where the text is written for that.
///
/// bash: POSIX quoting, and `$'…'`, which browsers use for what holds `!` or
/// control characters. Nothing is expanded, and what is piped, or redirected, is
/// left out. PowerShell: the same, with backticks at the ends of lines. cmd.exe:
/// carets, then the quoting of Windows programs. A prompt's `$` may stand in front.
///
/// # Errors
/// A text that is cut, or that a shell would have to expand.
pub(crate) fn split(text: &str) -> Result<Vec<String>, WordsError> {
    let mut text = text;
    while let Some(rest) = BLANKS.iter().find_map(|blank| text.strip_prefix(blank)) {
        text = rest;
    }
    let text = text.strip_prefix("$ ").unwrap_or(text);
    if is_cmd(text) {
        split_cmd(text)
    } else {
        split_bash(text)
    }
}

/// Browsers write `^"` for cmd.exe, or end its lines in a caret. What stands
/// in later quotes may look like that in a command for bash too.
fn is_cmd(text: &str) -> bool {
    let first_quote = text.find(['"', '\'']).unwrap_or(text.len());
    let first_line = text.lines().next().unwrap_or_default();
    (text[first_quote..].starts_with('"') && text[..first_quote].ends_with('^'))
        || first_line.ends_with(" ^")
}

fn split_bash(text: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            // The rest is for other programs, or for a file.
            '|' | ';' | '>' => {
                // `2>` names a stream.
                let is_stream = |word: &Vec<u8>| matches!(word.as_slice(), [b'0'..=b'9']);
                word = word.filter(|word| c != '>' || !is_stream(word));
                break;
            }
            '&' if chars.peek() == Some(&'&') => break,
            // PowerShell goes on in the next line.
            '`' if matches!(chars.peek(), Some('\n' | '\r')) => words.extend(word.take()),
            '$' if begins_variable(&chars) => return Err(variable(&mut chars)),
            // The line ends of a file from Windows.
            '\r' if chars.peek() == Some(&'\n') => words.extend(word.take()),
            '\\' => match chars.next().ok_or(WordsError::OpenLine)? {
                '\n' => {}
                '\r' if chars.peek() == Some(&'\n') => {
                    chars.next();
                }
                c => push(word.get_or_insert_default(), c),
            },
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or(WordsError::OpenQuote('\''))? {
                        '\'' => break,
                        c => push(word, c),
                    }
                }
            }
            '"' => double_quoted(word.get_or_insert_default(), &mut chars)?,
            '$' if chars.peek() == Some(&'\'') => {
                chars.next();
                ansi_c(word.get_or_insert_default(), &mut chars)?;
            }
            '#' if word.is_none() => while chars.next().is_some_and(|c| c != '\n') {},
            c => push(word.get_or_insert_default(), c),
        }
    }
    words.extend(word);
    Ok(words.iter().map(|word| text_of(word)).collect())
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn double_quoted(word: &mut Vec<u8>, chars: &mut Chars<'_>) -> Result<(), WordsError> {
    let open = || WordsError::OpenQuote('"');
    loop {
        match chars.next().ok_or_else(open)? {
            '"' => return Ok(()),
            '\\' => match chars.next().ok_or_else(open)? {
                '\n' => {}
                c @ ('$' | '`' | '"' | '\\') => push(word, c),
                c => {
                    word.push(b'\\');
                    push(word, c);
                }
            },
            '$' if begins_variable(chars) => return Err(variable(chars)),
            c => push(word, c),
        }
    }
}

/// Whether what follows a `$` is a variable's name.
fn begins_variable(chars: &Chars<'_>) -> bool {
    let mut next = chars.clone();
    next.next()
        .is_some_and(|c| c == '{' || c == '_' || c.is_ascii_alphabetic())
}

fn variable(chars: &mut Chars<'_>) -> WordsError {
    chars.next_if_eq(&'{');
    let is_name = |c: &char| *c == '_' || c.is_ascii_alphanumeric();
    WordsError::Variable(chars.take_while(is_name).collect())
}

/// The inside of `$'…'` (ANSI-C quoting).
fn ansi_c(word: &mut Vec<u8>, chars: &mut Chars<'_>) -> Result<(), WordsError> {
    let open = || WordsError::OpenQuote('\'');
    loop {
        match chars.next().ok_or_else(open)? {
            '\'' => return Ok(()),
            '\\' => {}
            c => {
                push(word, c);
                continue;
            }
        }
        match chars.next().ok_or_else(open)? {
            'n' => word.push(b'\n'),
            't' => word.push(b'\t'),
            'r' => word.push(b'\r'),
            'a' => word.push(7),
            'b' => word.push(8),
            'v' => word.push(11),
            'f' => word.push(12),
            'e' | 'E' => word.push(27),
            'x' => word.extend(number(chars, 16, 2).map(|byte| byte as u8)),
            'u' => push_code(word, number(chars, 16, 4)),
            'U' => push_code(word, number(chars, 16, 8)),
            c if c.is_digit(8) => {
                let first = c.to_digit(8).unwrap_or_default();
                let rest_digits = chars.clone().take(2).take_while(|c| c.is_digit(8)).count();
                let rest = number(chars, 8, 2).unwrap_or_default();
                let places = u32::try_from(rest_digits).unwrap_or_default();
                word.push((first * 8u32.pow(places) + rest) as u8);
            }
            c @ ('\\' | '\'' | '"' | '?') => push(word, c),
            c => {
                word.push(b'\\');
                push(word, c);
            }
        }
    }
}

/// At most `places` digits.
fn number(chars: &mut Chars<'_>, radix: u32, places: usize) -> Option<u32> {
    let mut value: Option<u32> = None;
    for _ in 0..places {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix)) else {
            break;
        };
        chars.next();
        value = Some(value.unwrap_or_default().wrapping_mul(radix) + digit);
    }
    value
}

fn push_code(word: &mut Vec<u8>, code: Option<u32>) {
    if let Some(c) = code.and_then(char::from_u32) {
        push(word, c);
    }
}

fn push(word: &mut Vec<u8>, c: char) {
    word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// cmd.exe takes the carets away, except inside quotes of its own (those
/// without a caret); what is left is split by the program that is started.
fn split_cmd(text: &str) -> Result<Vec<String>, WordsError> {
    let mut line = String::new();
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '^' if !quoted => match chars.next().ok_or(WordsError::OpenLine)? {
                '\r' => {
                    chars.next_if_eq(&'\n');
                    line.push(' ');
                }
                '\n' => line.push(' '),
                c => line.push(c),
            },
            '"' => {
                quoted = !quoted;
                line.push(c);
            }
            c => line.push(c),
        }
    }
    split_windows(&line)
}

/// The rules of Microsoft's C runtime: backslashes count only before a quote,
/// and two quotes inside quotes are one.
fn split_windows(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let mut count = 1;
                while chars.next_if_eq(&'\\').is_some() {
                    count += 1;
                }
                let word = word.get_or_insert_default();
                if chars.peek() == Some(&'"') {
                    word.extend(std::iter::repeat_n('\\', count / 2));
                    if count % 2 == 1 {
                        chars.next();
                        word.push('"');
                    }
                } else {
                    word.extend(std::iter::repeat_n('\\', count));
                }
            }
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                word.get_or_insert_default().push('"');
            }
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_ascii_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err(WordsError::OpenQuote('"'));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bash_words() {
        for (text, expected) in [
            ("", &[][..]),
            ("curl  'a b' \"c d\" e\\ f", &["curl", "a b", "c d", "e f"]),
            ("a'b'\"c\"\\'", &["abc'"]),
            ("curl \\\n  -H 'x'", &["curl", "-H", "x"]),
            ("curl \\\r\n  x", &["curl", "x"]),
            ("''", &[""]),
            (r#""a\"b\\c\d\$x""#, &[r#"a"b\c\d$x"#]),
            (
                r"$'a\u0021b\'c\n\x41\xc3\xa9\101\0'",
                &["a!b'c\nA\u{e9}A\0"],
            ),
            (r"$'\u00e9\U0001F600'", &["é😀"]),
            ("a$5 'c$b'", &["a$5", "c$b"]),
            ("a # comment\nb#c", &["a", "b#c"]),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn cmd_words() {
        for (text, expected) in [
            (
                "curl ^\"ws://h/?a=1^&b=2^\" ^\n  -H ^\"X: a^%^20b^\"",
                &["curl", "ws://h/?a=1&b=2", "-H", "X: a%20b"][..],
            ),
            (
                "curl ^\"h^\" -H ^\"X: ^\\^\"q^\\^\" ^\\^\\^\"",
                &["curl", "h", "-H", "X: \"q\" \\"],
            ),
            (
                "curl \"ws://h/?a=1&b^2\" ^\r\n -H \"X: \"\"q\"\"\"",
                &["curl", "ws://h/?a=1&b^2", "-H", "X: \"q\""],
            ),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_cut_says_so() {
        for (text, expected) in [
            ("curl 'a", WordsError::OpenQuote('\'')),
            ("curl \"a", WordsError::OpenQuote('"')),
            ("curl $'a\\", WordsError::OpenQuote('\'')),
            ("curl a\\", WordsError::OpenLine),
            ("curl ^\"a", WordsError::OpenQuote('"')),
            ("curl ^\"a^\" ^", WordsError::OpenLine),
        ] {
            assert_eq!(split(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn blanks_that_no_shell_knows_are_parts_of_words() {
        for word in ["\u{b}a", "\u{c}", "\r", "\u{a0}b", "\u{2003}"] {
            assert_eq!(split(word).unwrap(), [word], "{word:?}");
        }
        assert_eq!(split(" \r\n\tcurl\ta\n").unwrap(), ["curl", "a"]);
    }

    proptest! {
        #[test]
        fn what_is_quoted_for_bash_comes_back(
            words in prop::collection::vec("[^\0]*", 0..6)
        ) {
            let line = shell_words::join(&words);
            prop_assume!(!is_cmd(&line));
            prop_assert_eq!(split(&line).unwrap(), words);
        }

        #[test]
        fn nothing_panics(text in "[ -~\n]{0,60}") {
            let _ = split_bash(&text);
            let _ = split_cmd(&text);
        }
    }
}
