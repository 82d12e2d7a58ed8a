//! From the flags of steps and rules to a script.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use tokio::io::AsyncReadExt as _;

use super::input;
use super::message::{self, Said};
use crate::cli::connect::ConnectArgs;
use crate::cli::steps::StepArgs;
use crate::decode::{Decode, Exact};
use crate::exit::Failure;
use crate::pipe::Framing;
use crate::script::{
    Action, Expressions, Pattern, Payload, Rule, RunConfig, Selector, Step, Template, Then,
    duplicate, unset,
};
use crate::talk::escape::unescape;
use crate::terminal::check_stdin;

/// How long an `--expect` waits unless `--within` says otherwise.
const WITHIN: Duration = Duration::from_secs(5);

/// How long an `--expect-none` waits unless `--for` says otherwise.
const FOR: Duration = Duration::from_secs(1);

/// What separates the pattern of a rule from its answer.
const ANSWERS: &str = " => ";

/// The script that the flags are; `None` where they are none. Reads `-x @-`.
///
/// # Errors
/// Exit 2 for a script that cannot work, 12 for an input that cannot be read.
pub(super) async fn script(args: &ConnectArgs) -> Result<Option<RunConfig>> {
    let flags = &args.steps;
    if !flags.has_steps() && !flags.has_rules() {
        return match [&flags.within.is_empty(), &flags.for_time.is_empty()] {
            [true, true] if flags.capture.is_empty() => Ok(None),
            _ => Err(Failure::usage(
                "--within, --for and --capture say more of the --expect to their left, and there is none",
            )
            .into()),
        };
    }
    let said = match flags.has_steps() {
        true => read(message::execute(&args.input, args.framing.framing())?, args).await?,
        false => Vec::new(),
    };
    let mut maker = Maker::new(args)?;
    let vars = maker.vars()?;
    if flags.has_steps() {
        maker.steps(said)?;
    }
    maker.rules()?;
    let names = vars.iter().map(|(name, _)| name.clone());
    if let Some((name, label)) = unset(&maker.steps, &maker.rules, names, &maker.by) {
        return Err(Failure::usage(format!(
            "nothing sets '{name}', which {label} uses; write --var {name}=VALUE, or --capture {name}=SELECTOR behind an earlier --expect"
        ))
        .into());
    }
    Ok(Some(RunConfig {
        steps: maker.steps,
        rules: maker.rules,
        vars,
        expressions: maker.by,
        decode: args.prompt.decode.unwrap_or(Decode::Auto),
        inbox_bytes: flags.inbox,
    }))
}

/// The messages of `-x`, standard input read to its end.
async fn read(said: Vec<Said>, args: &ConnectArgs) -> Result<Vec<crate::connection::Message>> {
    let mut messages = Vec::new();
    for said in said {
        messages.push(match said {
            Said::Message(message) => message,
            Said::Stdin => {
                let mut bytes = Vec::new();
                check_stdin().map_err(input::unreadable)?;
                let read = tokio::io::stdin().read_to_end(&mut bytes).await;
                read.map_err(input::unreadable)?;
                message::whole(bytes, args.framing.framing())
            }
        });
    }
    Ok(messages)
}

struct Maker<'a> {
    args: &'a ConnectArgs,
    flags: &'a StepArgs,
    by: Expressions,
    /// Whether `{{` begins a template in steps.
    has_names: bool,
    raw: Vec<String>,
    steps: Vec<Step>,
    rules: Vec<Rule>,
}

impl<'a> Maker<'a> {
    fn new(args: &'a ConnectArgs) -> Result<Self> {
        let flags = &args.steps;
        Ok(Self {
            args,
            flags,
            by: Expressions::default(),
            has_names: !flags.var.is_empty() || !flags.capture.is_empty(),
            raw: std::env::args().collect(),
            steps: Vec::new(),
            rules: Vec::new(),
        })
    }

    /// `--var`: texts.
    fn vars(&self) -> Result<Vec<(String, Exact)>> {
        let mut names = BTreeSet::new();
        let mut vars = Vec::new();
        for var in &self.flags.var {
            let (name, value) = named(var, "--var", "VALUE")?;
            if !names.insert(name) {
                return Err(Failure::usage(format!("--var gives '{name}' two values")).into());
            }
            vars.push((name.to_owned(), Exact::String(value.to_owned())));
        }
        Ok(vars)
    }

    fn steps(&mut self, said: Vec<crate::connection::Message>) -> Result<()> {
        let flags = self.flags;
        let mut said = said.into_iter();
        for (id, nth) in self.args.order.flags() {
            match id {
                "execute" => {
                    if let (Some(text), Some(message)) =
                        (self.args.input.execute.get(nth), said.next())
                    {
                        self.send(text, message)?;
                    }
                }
                "expect" => self.expect("--expect", flags.expect.get(nth), Action::Expect)?,
                "expect_next" => {
                    self.expect(
                        "--expect-next",
                        flags.expect_next.get(nth),
                        Action::ExpectNext,
                    )?;
                }
                "expect_none" => {
                    self.expect(
                        "--expect-none",
                        flags.expect_none.get(nth),
                        Action::ExpectNone,
                    )?;
                }
                "expect_close" => {
                    if let Some(code) = flags.expect_close.get(nth) {
                        let label = format!("--expect-close {code}");
                        self.push(label, Action::ExpectClose(*code));
                    }
                }
                "within" => self.time("--within", flags.within.get(nth), false)?,
                "for_time" => self.time("--for", flags.for_time.get(nth), true)?,
                "capture" => {
                    if let Some(capture) = flags.capture.get(nth) {
                        self.capture(capture)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn push(&mut self, label: String, action: Action) {
        let within = match action {
            Action::ExpectNone(_) => FOR,
            _ => WITHIN,
        };
        self.steps.push(Step {
            label,
            action,
            within,
            captures: Vec::new(),
        });
    }

    fn send(&mut self, text: &str, message: crate::connection::Message) -> Result<()> {
        let label = format!("-x {}", told(text));
        let is_text = message::is_text(text, ["-x", "--execute"], &self.raw);
        let payload = match std::str::from_utf8(message.as_bytes()) {
            Ok(text) if self.has_names && is_text && text.contains("{{") => Payload::Template {
                text: Template::parse(text, &self.by).map_err(|error| wrong(&label, error))?,
                is_binary: !message.is_text(),
            },
            _ => Payload::Whole(message),
        };
        self.push(label, Action::Send(payload));
        Ok(())
    }

    fn pattern(&self, flag: &str, text: &str) -> Result<(String, Pattern)> {
        let label = format!("{flag} {}", told(text));
        let templates = self.has_names.then_some(&self.by);
        let pattern = Pattern::parse(text, templates).map_err(|error| wrong(&label, error))?;
        Ok((label, pattern))
    }

    fn expect(
        &mut self,
        flag: &str,
        text: Option<&String>,
        action: fn(Pattern) -> Action,
    ) -> Result<()> {
        if let Some(text) = text {
            let (label, pattern) = self.pattern(flag, text)?;
            self.push(label, action(pattern));
        }
        Ok(())
    }

    /// The step to the left that waits.
    fn left(&mut self, flag: &str) -> Result<&mut Step, Failure> {
        let waits = |step: &&mut Step| !matches!(step.action, Action::Send(_));
        let left = self.steps.iter_mut().rfind(waits);
        left.ok_or_else(|| {
            Failure::usage(format!(
                "{flag} says more of the --expect to its left, and there is none"
            ))
        })
    }

    fn time(&mut self, flag: &str, time: Option<&Duration>, of_none: bool) -> Result<()> {
        let step = self.left(flag)?;
        if matches!(step.action, Action::ExpectNone(_)) != of_none {
            let text = match of_none {
                true => {
                    "--for is the time of an --expect-none; write --within for what is expected"
                }
                false => {
                    "--within is a limit for what is expected; write --for behind --expect-none"
                }
            };
            return Err(Failure::usage(text).into());
        }
        if let Some(time) = time {
            step.within = *time;
        }
        Ok(())
    }

    fn capture(&mut self, text: &str) -> Result<()> {
        let (name, selector) = named(text, "--capture", "SELECTOR")?;
        let selector: Selector = selector
            .parse()
            .map_err(|error| wrong(&format!("--capture {}", told(text)), error))?;
        let step = self.left("--capture")?;
        let is_close = matches!(step.action, Action::ExpectClose(_));
        let why = match &step.action {
            Action::ExpectNone(_) => Some("of what must not come"),
            _ if selector.is_of_close() && !is_close => Some("of a record; --expect-close has it"),
            _ => None,
        };
        if let Some(why) = why {
            let text = told(text);
            let text = format!("--capture {text} can keep nothing {why}");
            return Err(Failure::usage(text).into());
        }
        step.captures.push((name.to_owned(), selector));
        Ok(())
    }

    /// `--reject` before `--on`: what must not come is not answered.
    fn rules(&mut self) -> Result<()> {
        for text in &self.flags.reject {
            let (label, pattern) = self.pattern("--reject", text)?;
            let then = Then::Fail;
            self.rules.push(Rule {
                label,
                pattern,
                then,
            });
        }
        for text in &self.flags.on {
            let Some((pattern, answer)) = text.split_once(ANSWERS) else {
                return Err(Failure::usage(format!(
                    "--on {} has no answer; write --on 'PATTERN => MESSAGE'",
                    told(text)
                ))
                .into());
            };
            let (_, pattern) = self.pattern("--on", pattern)?;
            let label = format!("--on {}", told(text));
            let answer = match self.args.input.escapes {
                true => unescape(answer).map_err(|error| wrong(&label, error))?,
                false => answer.into(),
            };
            let text = Template::parse(&answer, &self.by).map_err(|error| wrong(&label, error))?;
            let is_binary = self.args.framing.framing() == Framing::Binary;
            self.rules.push(Rule {
                label,
                pattern,
                then: Then::Send(Payload::Template { text, is_binary }),
            });
        }
        Ok(())
    }
}

fn wrong(label: &str, error: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("{label}: {error}"))
}

/// A text as it is told of: quoted, and cut where it is long.
fn told(text: &str) -> String {
    const LONGEST: usize = 80;
    let line = text.replace('\n', "\\n");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("'{}…'", line.get(..end).unwrap_or_default()),
        None => format!("'{line}'"),
    }
}

/// `NAME=…`, whose name can be one.
fn named<'t>(text: &'t str, flag: &str, value: &str) -> Result<(&'t str, &'t str), Failure> {
    let parts = text.split_once('=');
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let Some((name, value)) = parts.filter(|(name, _)| is_name(name)) else {
        return Err(Failure::usage(format!(
            "{flag} {} has no name; write {flag} NAME={value}, the name of letters, digits and _",
            told(text)
        )));
    };
    match duplicate([name]) {
        Some(name) => Err(Failure::usage(format!(
            "{flag}: '{name}' is a name of templates themselves; take another one"
        ))),
        None => Ok((name, value)),
    }
}
