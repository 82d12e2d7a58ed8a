//! Counts what the architecture is judged by, for the package in a folder:
//!
//!     cargo run -p wscli-architecture -- [FOLDER]
//!
//! Tests are left out everywhere, comments and blank lines of all counts of lines.
//! What is told twice is found by its fields and literals; each table names what it
//! has found, so that a reader can judge it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use wscli_architecture::{
    Crate, SourceFile, definition, functions, has_cfg_test, is_public, item_attrs,
};

fn main() {
    let root = std::env::args_os()
        .nth(1)
        .map_or_else(|| ".".into(), PathBuf::from);
    let map = Crate::read(&root);
    print_rooms(&map);
    print_functions(&map);
    print_rings(&map);
    let found = Declarations::of(&map);
    for (title, list) in [
        ("Declarations of an opened connection", &found.opened),
        ("Declarations of the timings of an opening", &found.timings),
        ("Declarations of a close (code and reason)", &found.close),
        (
            "JSON dialects of a conversation: files that write a close or a message as JSON",
            &found.json,
        ),
        (
            "Redactions: files that declare the word for a secret",
            &found.redactions,
        ),
        ("Files that read or write frame headers", &found.frames),
    ] {
        println!("\n## {title}: {}\n", list.len());
        list.iter().for_each(|place| println!("- {place}"));
    }
    print_public(&map);
}

fn print_rooms(map: &Crate) {
    let mut rooms: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut long = Vec::new();
    for file in product(map) {
        let lines = code_lines(file);
        let depth = if file.path.starts_with("src/connection/") {
            2
        } else {
            1
        };
        let room = match file.module.len() {
            0 => "lib".to_owned(),
            length => file.module[..length.min(depth)].join("::"),
        };
        let room = rooms.entry(room).or_default();
        room.0 += 1;
        room.1 += lines;
        if file.text.lines().count() > 500 {
            long.push(&file.path);
        }
    }
    println!("## Product lines by room\n\n| room | files | lines |\n|---|---:|---:|");
    let mut sum = (0, 0);
    let mut connection = (0, 0);
    for (room, (files, lines)) in &rooms {
        println!("| `{room}` | {files} | {lines} |");
        sum = (sum.0 + files, sum.1 + lines);
        if room.starts_with("connection") {
            connection = (connection.0 + files, connection.1 + lines);
        }
    }
    println!(
        "| all of `connection` | {} | {} |",
        connection.0, connection.1
    );
    println!("| **all** | {} | {} |", sum.0, sum.1);
    println!(
        "\nFiles of more than 500 lines, tests included: {}",
        long.len()
    );
    long.iter().for_each(|path| println!("- {path}"));
}

fn print_functions(map: &Crate) {
    let mut all = functions(map);
    all.sort_by_key(|function| function.lines);
    let at = |share: usize| {
        all.get(all.len() * share / 100)
            .map_or(0, |function| function.lines)
    };
    println!("\n## Functions: {}\n", all.len());
    println!(
        "median {} lines, 90th percentile {}; longer than 60:\n",
        at(50),
        at(90)
    );
    all.iter()
        .filter(|function| function.lines > 60)
        .for_each(|function| println!("- {function}"));
}

fn print_rings(map: &Crate) {
    let rings = map.rings();
    println!("\n## Rings between files: {}\n", rings.len());
    for ring in rings {
        let names: Vec<&str> = ring
            .iter()
            .map(|file| map.files[*file].path.as_str())
            .collect();
        println!("- {}", names.join(", "));
    }
}

fn print_public(map: &Crate) {
    let names = map.public_names();
    let mut by_room: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &names {
        *by_room
            .entry(name.split("::").next().unwrap_or_default())
            .or_default() += 1;
    }
    println!(
        "\n## Public names: {}\n\n| room | names |\n|---|---:|",
        names.len()
    );
    for (room, count) in by_room {
        println!("| `{room}` | {count} |");
    }
    let mut docs = DocReader::default();
    product(map).for_each(|file| docs.visit_file(&file.syntax));
    println!(
        "\nItems and methods that say `pub`, wherever they are: {}",
        docs.public
    );
    println!(
        "\nDoc lines: {}, of four words or fewer: {}",
        docs.all, docs.short
    );
}

fn product(map: &Crate) -> impl Iterator<Item = &SourceFile> {
    map.files.iter().filter(|file| !file.is_test)
}

/// Lines on which there is a token that is no comment and no test.
fn code_lines(file: &SourceFile) -> usize {
    let mut lines = BTreeSet::new();
    for item in file
        .syntax
        .items
        .iter()
        .filter(|item| !has_cfg_test(item_attrs(item)))
    {
        let tokens = quote(item);
        add_lines(tokens, &mut lines);
    }
    lines.len()
}

fn quote(item: &syn::Item) -> TokenStream {
    use quote::ToTokens;
    item.to_token_stream()
}

fn add_lines(tokens: TokenStream, lines: &mut BTreeSet<usize>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        // A doc comment comes as the attribute `doc`.
        if let (TokenTree::Punct(punct), Some(TokenTree::Group(group))) = (&token, tokens.peek())
            && punct.as_char() == '#'
            && matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
        {
            tokens.next();
            continue;
        }
        match token {
            TokenTree::Group(group) => {
                lines.insert(group.span_open().start().line);
                lines.insert(group.span_close().end().line);
                add_lines(group.stream(), lines);
            }
            token => lines.extend(token.span().start().line..=token.span().end().line),
        }
    }
}

/// What is told twice.
#[derive(Default)]
struct Declarations {
    opened: BTreeSet<String>,
    timings: BTreeSet<String>,
    close: BTreeSet<String>,
    json: BTreeSet<String>,
    redactions: BTreeSet<String>,
    frames: BTreeSet<String>,
}

impl Declarations {
    fn of(map: &Crate) -> Self {
        let mut found = Self::default();
        for file in product(map) {
            let mut reader = Reader {
                file: &file.path,
                owner: String::new(),
                is_serialized: false,
                found: &mut found,
            };
            reader.visit_file(&file.syntax);
        }
        found
    }
}

struct Reader<'a> {
    file: &'a str,
    /// The type or the function that is being read.
    owner: String,
    is_serialized: bool,
    found: &'a mut Declarations,
}

impl Reader<'_> {
    fn place(&self) -> String {
        format!("{}: {}", self.file, self.owner)
    }

    fn fields(&mut self, fields: &syn::FieldsNamed) {
        let names: Vec<String> = fields
            .named
            .iter()
            .filter_map(|field| field.ident.as_ref())
            .map(ToString::to_string)
            .collect();
        let has = |name: &str| names.iter().any(|found| found == name);
        let phases = ["dns", "tcp", "tls", "upgrade"];
        let count = phases
            .iter()
            .filter(|phase| has(phase) || has(&format!("{phase}_us")))
            .count();
        let place = self.place();
        // Who is spoken to, and what has been agreed on with them.
        if has("subprotocol")
            && ["url", "target", "resource", "extensions"]
                .iter()
                .any(|name| has(name))
        {
            self.found.opened.insert(place.clone());
        }
        if count >= 3 {
            self.found.timings.insert(place.clone());
        }
        if has("code") && has("reason") {
            self.found.close.insert(place);
        }
        let of_a_conversation = (has("code") && has("reason")) || (has("data") && has("time"));
        if self.is_serialized && of_a_conversation {
            self.found.json.insert(self.file.to_owned());
        }
    }

    fn body(&mut self, tokens: TokenStream) {
        let mut literals = Vec::new();
        let mut idents = Vec::new();
        collect(tokens, &mut literals, &mut idents);
        let has = |literal: &str| literals.iter().any(|found| found == literal);
        let text = |literal: &str| has(&format!("\"{literal}\""));
        let names = |ident: &str| idents.iter().any(|found| found == ident);
        if names("json!") && (text("code") && text("reason") || text("opcode") && text("data")) {
            self.found.json.insert(self.file.to_owned());
        }
    }

    /// Words for secrets, and the lengths that stand for longer ones in the header
    /// of a frame (RFC 6455 §5.2).
    fn literals(&mut self, tokens: TokenStream) {
        let (mut literals, mut idents) = (Vec::new(), Vec::new());
        collect(tokens, &mut literals, &mut idents);
        let by_hand = literals
            .iter()
            .any(|literal| ["126", "0x7e"].contains(&literal.as_str()));
        if by_hand || idents.iter().any(|ident| ident == "FrameHeader") {
            self.found.frames.insert(self.file.to_owned());
        }
        for literal in literals {
            if literal
                .trim_matches(['"', '[', ']'])
                .eq_ignore_ascii_case("redacted")
            {
                self.found.redactions.insert(self.file.to_owned());
            }
        }
    }
}

fn collect(tokens: TokenStream, literals: &mut Vec<String>, idents: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Literal(literal) => literals.push(literal.to_string()),
            TokenTree::Ident(ident) => {
                let is_macro = matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == '!');
                let bang = if is_macro { "!" } else { "" };
                idents.push(format!("{ident}{bang}"));
            }
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                // Attributes, doc comments among them.
                if matches!(tokens.peek(), Some(TokenTree::Group(_))) {
                    tokens.next();
                }
            }
            TokenTree::Punct(_) => {}
            TokenTree::Group(group) => collect(group.stream(), literals, idents),
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if has_cfg_test(item_attrs(item)) {
            return;
        }
        if !matches!(item, syn::Item::Mod(_)) {
            self.literals(quote(item));
        }
        visit::visit_item(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.owner = item.ident.to_string();
        self.is_serialized = derives_serialize(&item.attrs);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.is_serialized = derives_serialize(&item.attrs);
        for variant in &item.variants {
            self.owner = format!("{}::{}", item.ident, variant.ident);
            self.visit_variant(variant);
        }
    }

    fn visit_fields_named(&mut self, fields: &'ast syn::FieldsNamed) {
        self.fields(fields);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        use quote::ToTokens;
        self.owner = item.sig.ident.to_string();
        self.body(item.block.to_token_stream());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        use quote::ToTokens;
        if !has_cfg_test(&item.attrs) {
            self.owner = item.sig.ident.to_string();
            self.body(item.block.to_token_stream());
            visit::visit_impl_item_fn(self, item);
        }
    }
}

fn derives_serialize(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| match &attr.meta {
        syn::Meta::List(list) => {
            attr.path().is_ident("derive") && list.tokens.to_string().contains("Serialize")
        }
        _ => false,
    })
}

#[derive(Default)]
struct DocReader {
    public: usize,
    all: usize,
    short: usize,
}

impl<'ast> Visit<'ast> for DocReader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !has_cfg_test(item_attrs(item)) {
            let is_public = definition(item).is_some_and(|(_, vis)| vis.is_some_and(is_public));
            self.public += usize::from(is_public);
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.public += usize::from(is_public(&item.vis));
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let syn::Meta::NameValue(pair) = &attribute.meta else {
            return;
        };
        if let syn::Expr::Lit(literal) = &pair.value
            && let syn::Lit::Str(text) = &literal.lit
            && pair.path.is_ident("doc")
        {
            let words = text.value().split_whitespace().count();
            self.all += usize::from(words > 0);
            self.short += usize::from((1..=4).contains(&words));
        }
    }
}
