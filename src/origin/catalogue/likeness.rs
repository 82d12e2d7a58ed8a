//! Names that are like the allowed one and that somebody else can register: under
//! another public suffix, with a dot changed or left out, or with more in the
//! middle. Any web page can be there.

use super::rule::Rule;
use super::scene::{Request, Scene, Skip};
use super::web::{REGISTER, high};

/// Public suffixes of one label and of two. The first that is not the allowed
/// name's own is tried.
const OF_ONE_LABEL: [&str; 2] = ["net", "org"];
const OF_TWO_LABELS: [&str; 2] = ["co.uk", "com.au"];

pub(super) const RULES: &[Rule] = &[
    high(
        "suffix-other",
        "s://h under '.net', or '.org', in the place of its public suffix",
        "the server leaves the end of the name open (a pattern such as '\\.[a-z]+$', or a \
         comparison of the labels before the last)",
        REGISTER,
        |scene| under(scene, scene.name()?, &OF_ONE_LABEL),
    ),
    high(
        "suffix-other-two",
        "s://h under '.co.uk', or '.com.au', in the place of its public suffix",
        "the server leaves the end of the name open, for several labels",
        REGISTER,
        |scene| under(scene, scene.name()?, &OF_TWO_LABELS),
    ),
    high(
        "suffix-other-reg",
        "s://REG under '.net', or '.org', in the place of its public suffix",
        "the server compares the label before the public suffix alone",
        REGISTER,
        |scene| under(scene, below(scene)?, &OF_ONE_LABEL),
    ),
    high(
        "suffix-other-reg-two",
        "s://REG under '.co.uk', or '.com.au', in the place of its public suffix",
        "the server compares the label before the public suffix alone",
        REGISTER,
        |scene| under(scene, below(scene)?, &OF_TWO_LABELS),
    ),
    high(
        "dot-hyphen",
        "s://h with the dot before its registrable domain replaced by '-', or REG with its '-' by a dot",
        "the server compares names after it has made '-' of what is no letter and no digit, or \
         lets '-' stand for a dot",
        REGISTER,
        |scene| with_dot(scene, "-"),
    ),
    high(
        "dot-removed",
        "s://h without the dot before its registrable domain, or REG with one more dot",
        "the server compares names after it has taken the dots out, or lets a dot be missing",
        REGISTER,
        |scene| with_dot(scene, ""),
    ),
    high(
        "middle",
        "s://LABELS.evilREG, LABELS those of h before its registrable domain REG",
        "the server compares how the name begins and how it ends, and not what stands between",
        REGISTER,
        |scene| {
            let registrable = below(scene)?;
            let labels = scene.name()?.strip_suffix(registrable).unwrap_or_default();
            scene.with_registrable(&format!("{labels}evil{registrable}"))
        },
    ),
];

/// The registrable domain, where the allowed name has labels before it.
fn below<'a>(scene: &'a Scene<'_>) -> Result<&'a str, Skip> {
    let (name, registrable) = (scene.name()?, scene.registrable()?);
    if name.len() == registrable.len() {
        return Err(format!("'{name}' is a registrable domain itself"));
    }
    Ok(registrable)
}

/// A name with another public suffix. Of a name under none that is known, the
/// last label is taken for one.
fn under(scene: &Scene<'_>, name: &str, suffixes: &[&str]) -> Result<Request, Skip> {
    let registrable = scene.registrable()?;
    let Some((_, own)) = registrable.split_once('.') else {
        return Err(format!("'{registrable}' has no public suffix"));
    };
    let stem = name.strip_suffix(own).unwrap_or_default();
    match suffixes.iter().find(|suffix| **suffix != own) {
        Some(other) => scene.with_registrable(&format!("{stem}{other}")),
        None => Err(format!("'{registrable}' has every suffix that is tried")),
    }
}

/// The allowed name with something else in the place of the dot before its
/// registrable domain; where it is that domain itself, of the dot before its
/// public suffix of several labels, and else a name that is the same when dots are
/// read like `text`.
fn with_dot(scene: &Scene<'_>, text: &str) -> Result<Request, Skip> {
    let name = scene.name()?;
    let suffix = scene.public_suffix().unwrap_or_default();
    let several = suffix.trim_end_matches('.').contains('.');
    let dot = match scene.registrable_at()?.checked_sub(1) {
        None if several => Some(name.len() - suffix.len() - 1),
        dot => dot,
    };
    if let Some(at) = dot {
        let (before, after) = name.split_at(at);
        let after = after.get(1..).unwrap_or_default();
        return scene.with_registrable(&format!("{before}{text}{after}"));
    }
    let label = name.split('.').next().unwrap_or_default();
    let (at, skipped) = match label.find('-') {
        Some(at) if text == "-" => (at, 1),
        _ if text.is_empty() && label.is_ascii() && label.len() > 1 => (1, 0),
        _ => return Err(format!("'{name}' has no dot before what is registered")),
    };
    let (before, after) = name.split_at(at);
    let after = after.get(skipped..).unwrap_or_default();
    scene.with_registrable(&format!("{before}.{after}"))
}
