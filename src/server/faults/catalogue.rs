//! Every name of the fault lab, once: what it is written as, and what it does.
//!
//! The parser knows no others, `GET /lab` lists them, and the tables of
//! `docs/fault-lab.md` are these rows.

use super::rows::{Fault, GROUPS, Group};

/// The fault of this name.
pub(crate) fn find(name: &str) -> Option<&'static Fault> {
    all().find(|fault| fault.name == name)
}

/// Whether a fault of this name needs a WebSocket to be seen. The echo does not: it is
/// what other names are combined with.
pub(super) fn is_of_the_open(name: &str) -> bool {
    let mut open = GROUPS.iter().filter(|group| group.is_open);
    name != "echo" && open.any(|group| group.faults.iter().any(|fault| fault.name == name))
}

fn all() -> impl Iterator<Item = &'static Fault> {
    GROUPS.iter().flat_map(|group| group.faults)
}

/// The list for people, one fault a line.
pub(crate) fn text() -> String {
    let width = all().map(|fault| fault.example.len()).max().unwrap_or(0);
    let mut text = String::from(
        "The fault lab: each name is a route, and a part of the query of any other, such as\n\
         /delay/100?fragment=3&close=4000&after=3\n",
    );
    for Group { title, faults, .. } in GROUPS {
        text += &format!("\n{title}\n");
        for fault in *faults {
            let limit = match fault.most {
                "" => String::new(),
                most => format!(" ({most})"),
            };
            let does = fault.does.replace('`', "");
            text += &format!("  {:width$}  {does}{limit}\n", fault.example);
        }
    }
    text
}

/// The list for programs.
pub(crate) fn json() -> String {
    serde_json::to_string(GROUPS).expect("strings are JSON")
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// A group as a table of the document.
    fn table(group: &Group) -> String {
        let mut table = format!(
            "### {}\n\n| written | what it does | most | example |\n|---|---|---|---|\n",
            group.title
        );
        for fault in group.faults {
            let Fault {
                form,
                does,
                most,
                example,
                ..
            } = fault;
            table += &format!("| `{form}` | {does} | {most} | `{example}` |\n");
        }
        table
    }

    #[test]
    fn lab_tables_of_the_document_are_the_catalogue() {
        let document = include_str!("../../../docs/fault-lab.md");
        for group in GROUPS {
            let table = table(group);
            assert!(
                document.contains(&table),
                "docs/fault-lab.md lacks this table:\n{table}"
            );
        }
    }

    #[test]
    fn lab_examples_can_be_asked_for_and_hold_their_fault() {
        for fault in all() {
            let uri = fault.example.parse().unwrap();
            let plan = parse(&uri).unwrap_or_else(|error| panic!("{}: {error}", fault.example));
            assert!(
                plan.is_some_and(|plan| plan.ignored.is_empty()),
                "{fault:?}"
            );
            let is_named = fault
                .example
                .split(['/', '?', '&', '='])
                .any(|word| word == fault.name);
            assert!(is_named, "{fault:?}");
        }
    }

    /// The text of the files of a folder's tests.
    fn tests_in(folder: &str) -> String {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let files = std::fs::read_dir(folder).unwrap();
        let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()));
        texts.map(Result::unwrap).collect()
    }

    #[test]
    fn each_fault_of_the_lab_is_tested_over_the_wire() {
        let tests = tests_in("tests/cli/serve");
        for fault in all() {
            let starts = ["/", "?", "&"].iter().flat_map(|start| {
                ["\"", "/", "?", "=", "&"]
                    .iter()
                    .map(move |end| format!("{start}{}{end}", fault.name))
            });
            let is_tested = starts.into_iter().any(|text| tests.contains(&text));
            assert!(
                is_tested,
                "no test in tests/cli/serve asks for {}",
                fault.name
            );
        }
    }
}
