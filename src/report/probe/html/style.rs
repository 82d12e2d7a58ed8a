//! The style sheet of the page.

/// Colours are told by a class, and never alone: each badge has its word.
pub(super) const STYLE: &str = "\
:root {
  --page: #ffffff; --text: #1b1f24; --soft: #57606a; --line: #d8dee4; --box: #f6f8fa;
  --good: #116329; --good-box: #dafbe1; --bad: #a40e26; --bad-box: #ffebe9;
  --unclear: #7d4e00; --unclear-box: #fff8c5; --minor: #0550ae; --minor-box: #ddf4ff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --text: #e6edf3; --soft: #9198a1; --line: #30363d; --box: #161b22;
    --good: #7ee787; --good-box: #12261e; --bad: #ffa198; --bad-box: #3c1618;
    --unclear: #f2cc60; --unclear-box: #332a0f; --minor: #a5d6ff; --minor-box: #10233d;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
h4 { font-size: .95rem; margin: 0; font-weight: 600; overflow-wrap: anywhere; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
code, pre { font: .86em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; }
a { color: var(--minor); }
.verdict { padding: .7rem .9rem; border-radius: 6px; font-weight: 600; }
.verdict.good, .badge.good { background: var(--good-box); color: var(--good); }
.verdict.bad, .badge.bad { background: var(--bad-box); color: var(--bad); }
.verdict.unclear, .badge.unclear { background: var(--unclear-box); color: var(--unclear); }
.badge.minor { background: var(--minor-box); color: var(--minor); }
.badge { display: inline-block; min-width: 5.5rem; padding: 0 .5rem; border-radius: 999px;
  font-size: .8rem; font-weight: 600; text-align: center; white-space: nowrap; }
dl { display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; margin: .8rem 0; }
dl div { display: flex; gap: .4rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.note { color: var(--soft); }
.finding { border: 1px solid var(--line); border-radius: 6px; padding: .7rem .9rem; margin: .6rem 0; }
.sent { color: var(--soft); font-weight: 400; }
details { border-bottom: 1px solid var(--line); padding: .25rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary .origin { color: var(--soft); }
summary span:last-child { color: var(--soft); font-size: .86rem; }
pre { background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: .7rem .9rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .86rem; }
@media print { details { break-inside: avoid; } }
";
