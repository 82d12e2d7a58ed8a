//! The sources of the crate as a map: its files, the modules in them, and which
//! file uses what of which other, by paths resolved to where a name is defined.
//!
//! Read with `syn`; what stands inside of a macro call is read token by token.
//! A method is not a path, so a file that only calls methods of a type uses
//! nothing here. Code under `#[cfg(test)]` is marked as such.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// A path from the root of the crate: `["connection", "Socket"]`.
pub type Absolute = Vec<String>;

/// All files that `src/lib.rs` and `src/main.rs` lead to.
pub struct Crate {
    pub files: Vec<SourceFile>,
    modules: BTreeMap<Absolute, Module>,
}

/// One file.
pub struct SourceFile {
    /// From the root of the package: `src/connection/close.rs`.
    pub path: String,
    pub text: String,
    pub syntax: syn::File,
    /// The module it holds; `["main"]` for the program, empty for `lib.rs`.
    pub module: Absolute,
    /// Whether all of it is compiled for tests only.
    pub is_test: bool,
    /// What it names of the crate, and of others.
    pub paths: Vec<CodePath>,
}

/// A path as written, of one segment or more.
#[derive(Debug, Clone)]
pub struct CodePath {
    pub line: usize,
    pub segments: Vec<String>,
    /// The module that it is written in.
    pub module: Absolute,
    pub in_test: bool,
    pub is_macro: bool,
    /// A leaf of a `use` that others may import again.
    pub is_reexport: bool,
    pub is_use: bool,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A module as a whole.
    Module(Absolute),
    /// Something defined in a module: that module, and the name.
    Item(Absolute, String),
}

struct Module {
    file: usize,
    is_public: bool,
    names: BTreeMap<String, Name>,
}

enum Name {
    /// Defined here; whether everybody may name it.
    Item {
        is_public: bool,
    },
    Module,
    /// A path to somewhere else, in this crate or another.
    Use {
        segments: Vec<String>,
        is_public: bool,
    },
}

impl Crate {
    /// Reads the package whose folder this is.
    pub fn read(root: &Path) -> Self {
        let mut texts = BTreeMap::new();
        read_folder(root, &root.join("src"), &mut texts);
        Self::parse(&texts)
    }

    /// A crate of these files, given by path and text: for tests of rules.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let texts = files
            .iter()
            .map(|(path, text)| (PathBuf::from(path), (*text).to_owned()));
        Self::parse(&texts.collect())
    }

    fn parse(texts: &BTreeMap<PathBuf, String>) -> Self {
        let mut map = Self {
            files: Vec::new(),
            modules: BTreeMap::new(),
        };
        for (file, module) in [("src/lib.rs", vec![]), ("src/main.rs", vec!["main".into()])] {
            let place = Place {
                texts,
                file: file.into(),
                module,
                is_public: true,
                is_test: false,
            };
            if let Some(text) = texts.get(Path::new(file)) {
                map.read_file(&place, text);
            }
        }
        assert!(!map.files.is_empty(), "neither src/lib.rs nor src/main.rs");
        map
    }

    fn read_file(&mut self, place: &Place<'_>, text: &str) {
        let syntax = syn::parse_file(text)
            .unwrap_or_else(|error| panic!("{}: {error}", place.file.display()));
        let index = self.files.len();
        let mut reader = PathReader {
            module: place.module.clone(),
            in_test: place.is_test,
            found: Vec::new(),
        };
        reader.visit_file(&syntax);
        self.files.push(SourceFile {
            path: place.file.to_string_lossy().replace('\\', "/"),
            text: text.to_owned(),
            syntax: syntax.clone(),
            module: place.module.clone(),
            is_test: place.is_test || has_cfg_test(&syntax.attrs),
            paths: reader.found,
        });
        self.read_items(place, index, &syntax.items);
    }

    fn read_items(&mut self, place: &Place<'_>, file: usize, items: &[syn::Item]) {
        let mut names = BTreeMap::new();
        for item in items {
            match item {
                syn::Item::Use(item) => {
                    let is_public = is_public(&item.vis) && !is_hidden(&item.attrs);
                    for (segments, name) in leaves(&item.tree) {
                        let target = Name::Use {
                            segments,
                            is_public,
                        };
                        names.insert(name, target);
                    }
                }
                syn::Item::Mod(item) => {
                    names.insert(item.ident.to_string(), Name::Module);
                    self.read_module(place, file, item);
                }
                _ => {
                    if let Some((ident, vis)) = definition(item) {
                        let is_public = vis.is_none_or(is_public);
                        names.insert(ident.to_string(), Name::Item { is_public });
                    }
                }
            }
        }
        let module = Module {
            file,
            is_public: place.is_public,
            names,
        };
        self.modules.insert(place.module.clone(), module);
    }

    fn read_module(&mut self, place: &Place<'_>, file: usize, item: &syn::ItemMod) {
        let mut module = place.module.clone();
        if module == ["main"] {
            module.clear();
        }
        module.push(item.ident.to_string());
        let mut inner = Place {
            texts: place.texts,
            file: place.file.clone(),
            module,
            is_public: is_public(&item.vis) && !is_hidden(&item.attrs),
            is_test: place.is_test || has_cfg_test(&item.attrs),
        };
        if let Some((_, items)) = &item.content {
            return self.read_items(&inner, file, items);
        }
        let folder = place.folder();
        let name = item.ident.to_string();
        for choice in [format!("{name}.rs"), format!("{name}/mod.rs")] {
            inner.file = folder.join(choice);
            if let Some(text) = place.texts.get(&inner.file) {
                return self.read_file(&inner, text);
            }
        }
    }

    /// What a path leads to; `None` where that is in another crate.
    pub fn resolve(&self, path: &CodePath) -> Option<Target> {
        self.follow(&path.module, &path.segments, 0)
    }

    fn follow(&self, from: &[String], segments: &[String], depth: usize) -> Option<Target> {
        // A name that leads to itself leads nowhere.
        if depth > 32 {
            return None;
        }
        let (first, mut rest) = segments.split_first()?;
        let mut module = match first.as_str() {
            "crate" => Vec::new(),
            "wscli" if from.first().is_some_and(|module| module == "main") => Vec::new(),
            "self" => from.to_vec(),
            "super" => from.get(..from.len().checked_sub(1)?)?.to_vec(),
            _ => {
                // A name in scope, or another crate.
                self.modules.get(from)?.names.get(first)?;
                rest = segments;
                from.to_vec()
            }
        };
        while let Some((name, after)) = rest.split_first() {
            if name == "super" {
                module.pop();
                rest = after;
                continue;
            }
            if name == "self" || name == "*" {
                rest = after;
                continue;
            }
            match self.modules.get(&module)?.names.get(name) {
                Some(Name::Module) => {
                    module.push(name.clone());
                    rest = after;
                }
                Some(Name::Use { segments, .. }) => {
                    let mut longer = segments.clone();
                    longer.extend_from_slice(after);
                    return self.follow(&module, &longer, depth + 1);
                }
                // A macro, a method of a trait, a name that a macro makes.
                Some(Name::Item { .. }) | None => return Some(Target::Item(module, name.clone())),
            }
        }
        Some(Target::Module(module))
    }

    /// The file that a module stands in.
    pub fn file_of(&self, module: &[String]) -> Option<usize> {
        self.modules.get(module).map(|module| module.file)
    }

    /// For each file, the files that it uses outside of tests.
    pub fn uses(&self) -> BTreeMap<usize, BTreeSet<usize>> {
        let mut uses = BTreeMap::new();
        for (index, file) in self.files.iter().enumerate() {
            let used: &mut BTreeSet<usize> = uses.entry(index).or_default();
            let product = |path: &&CodePath| !path.in_test && !path.is_reexport;
            for path in file.paths.iter().filter(product) {
                // What a module has is used by paths that go on behind its name.
                if let Some(Target::Item(module, _)) = self.resolve(path)
                    && let Some(target) = self.file_of(&module)
                    && target != index
                {
                    used.insert(target);
                }
            }
        }
        uses
    }

    /// The rings: groups of files of which each leads to each other.
    pub fn rings(&self) -> Vec<Vec<usize>> {
        rings(&self.uses())
    }

    /// What a user of the library can name, sorted: `connection::Socket`.
    pub fn public_names(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        self.collect_public(&Vec::new(), &mut seen, &mut found);
        found
    }

    fn collect_public(
        &self,
        module: &Absolute,
        seen: &mut BTreeSet<Absolute>,
        found: &mut BTreeSet<String>,
    ) {
        let Some(here) = self
            .modules
            .get(module)
            .filter(|_| seen.insert(module.clone()))
        else {
            return;
        };
        for (name, target) in &here.names {
            let mut path = module.clone();
            path.push(name.clone());
            match target {
                Name::Item { is_public: true } => {
                    found.insert(path.join("::"));
                }
                Name::Module if self.modules.get(&path).is_some_and(|found| found.is_public) => {
                    self.collect_public(&path, seen, found);
                }
                Name::Use {
                    is_public: true,
                    segments,
                } => match self.follow(module, segments, 0) {
                    Some(Target::Item(module, name)) => {
                        // Of two ways to one thing, the place where it is defined counts.
                        found.insert([module, vec![name]].concat().join("::"));
                    }
                    Some(Target::Module(target)) => self.collect_public(&target, seen, found),
                    None => {}
                },
                _ => {}
            }
        }
    }
}

/// Where a file or a module is, while it is read.
struct Place<'a> {
    texts: &'a BTreeMap<PathBuf, String>,
    file: PathBuf,
    module: Absolute,
    is_public: bool,
    is_test: bool,
}

impl Place<'_> {
    /// Where the files of the modules in it are.
    fn folder(&self) -> PathBuf {
        let folder = self.file.parent().unwrap_or(Path::new("")).to_owned();
        match self.file.file_stem().and_then(|stem| stem.to_str()) {
            Some("lib" | "main" | "mod") | None => folder,
            Some(name) => folder.join(name),
        }
    }
}

/// Strongly connected parts of a graph that have more than one node (Tarjan,
/// "Depth-first search and linear graph algorithms", 1972).
pub fn rings(uses: &BTreeMap<usize, BTreeSet<usize>>) -> Vec<Vec<usize>> {
    struct Search<'a> {
        uses: &'a BTreeMap<usize, BTreeSet<usize>>,
        order: BTreeMap<usize, usize>,
        lowest: BTreeMap<usize, usize>,
        stack: Vec<usize>,
        found: Vec<Vec<usize>>,
    }
    impl Search<'_> {
        fn visit(&mut self, node: usize) {
            let number = self.order.len();
            self.order.insert(node, number);
            self.lowest.insert(node, number);
            self.stack.push(node);
            for next in self.uses.get(&node).into_iter().flatten() {
                let reached = if !self.order.contains_key(next) {
                    self.visit(*next);
                    self.lowest[next]
                } else if self.stack.contains(next) {
                    self.order[next]
                } else {
                    continue;
                };
                let lowest = self.lowest[&node].min(reached);
                self.lowest.insert(node, lowest);
            }
            if self.lowest[&node] != number {
                return;
            }
            let at = self.stack.iter().position(|found| *found == node);
            let mut ring = self.stack.split_off(at.expect("each node is on the stack"));
            if ring.len() > 1 {
                ring.sort_unstable();
                self.found.push(ring);
            }
        }
    }
    let mut search = Search {
        uses,
        order: BTreeMap::new(),
        lowest: BTreeMap::new(),
        stack: Vec::new(),
        found: Vec::new(),
    };
    for node in uses.keys() {
        if !search.order.contains_key(node) {
            search.visit(*node);
        }
    }
    search.found.sort();
    search.found
}

/// The name that an item defines, and who may use it.
pub fn definition(item: &syn::Item) -> Option<(&syn::Ident, Option<&syn::Visibility>)> {
    use syn::Item;
    Some(match item {
        Item::Const(item) => (&item.ident, Some(&item.vis)),
        Item::Enum(item) => (&item.ident, Some(&item.vis)),
        Item::Fn(item) => (&item.sig.ident, Some(&item.vis)),
        Item::Static(item) => (&item.ident, Some(&item.vis)),
        Item::Struct(item) => (&item.ident, Some(&item.vis)),
        Item::Trait(item) => (&item.ident, Some(&item.vis)),
        Item::Type(item) => (&item.ident, Some(&item.vis)),
        Item::Union(item) => (&item.ident, Some(&item.vis)),
        // Of a macro only the attribute `macro_export` would make a public name.
        Item::Macro(item) => (item.ident.as_ref()?, Some(&syn::Visibility::Inherited)),
        _ => return None,
    })
}

pub fn is_public(vis: &syn::Visibility) -> bool {
    matches!(vis, syn::Visibility::Public(_))
}

/// Whether what has these attributes is compiled for tests only.
pub fn has_cfg_test(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("cfg")
            && attr
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}

/// Whether what has these attributes is left out of the documentation.
fn is_hidden(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("doc")
            && attr
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("hidden"))
    })
}

/// Each path of a `use`, and the name that it has from then on.
fn leaves(tree: &syn::UseTree) -> Vec<(Vec<String>, String)> {
    match tree {
        syn::UseTree::Path(path) => {
            let mut found = leaves(&path.tree);
            for (segments, name) in &mut found {
                segments.insert(0, path.ident.to_string());
                // `use a::{self}` is a name for `a`.
                if name == "self" {
                    *name = path.ident.to_string();
                    segments.pop();
                }
            }
            found
        }
        syn::UseTree::Name(name) => {
            let name = name.ident.to_string();
            vec![(vec![name.clone()], name)]
        }
        syn::UseTree::Rename(rename) => {
            vec![(vec![rename.ident.to_string()], rename.rename.to_string())]
        }
        syn::UseTree::Glob(_) => vec![(vec!["*".into()], "*".into())],
        syn::UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

/// Finds the paths in a file.
struct PathReader {
    module: Absolute,
    in_test: bool,
    found: Vec<CodePath>,
}

impl PathReader {
    fn add(&mut self, segments: Vec<String>, span: Span) -> &mut CodePath {
        self.found.push(CodePath {
            line: span.start().line,
            segments,
            module: self.module.clone(),
            in_test: self.in_test,
            is_macro: false,
            is_reexport: false,
            is_use: false,
        });
        self.found.last_mut().expect("just added")
    }

    /// Runs `read` on something with these attributes.
    fn within(&mut self, attrs: &[syn::Attribute], read: impl FnOnce(&mut Self)) {
        let before = self.in_test;
        self.in_test |= has_cfg_test(attrs);
        read(self);
        self.in_test = before;
    }

    /// Paths in tokens that have no known syntax: `a::b` and `a` alone.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        let mut path: Vec<String> = Vec::new();
        let mut start = Span::call_site();
        // How many colons stand behind the path so far; a dot makes it a field.
        let mut colons = 0;
        let mut is_field = false;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 || path.is_empty() {
                        self.end(&mut path, start, is_field);
                        start = ident.span();
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && colons < 2 => colons += 1,
                TokenTree::Punct(punct) => {
                    let is_macro = punct.as_char() == '!'
                        && matches!(tokens.peek(), Some(TokenTree::Group(_)));
                    if is_macro && !path.is_empty() {
                        let segments = std::mem::take(&mut path);
                        self.add(segments, start).is_macro = true;
                    }
                    self.end(&mut path, start, is_field);
                    is_field = punct.as_char() == '.';
                    colons = 0;
                    continue;
                }
                TokenTree::Group(group) => {
                    self.end(&mut path, start, is_field);
                    self.read_tokens(group.stream());
                    colons = 0;
                }
                TokenTree::Literal(_) => {
                    self.end(&mut path, start, is_field);
                    colons = 0;
                }
            }
            if path.is_empty() {
                is_field = false;
            }
        }
        self.end(&mut path, start, is_field);
    }

    fn end(&mut self, path: &mut Vec<String>, start: Span, is_field: bool) {
        let segments = std::mem::take(path);
        if !segments.is_empty() && !is_field {
            self.add(segments, start);
        }
    }
}

impl<'ast> Visit<'ast> for PathReader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        self.within(item_attrs(item), |reader| visit::visit_item(reader, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.within(&item.attrs, |reader| {
            visit::visit_impl_item_fn(reader, item)
        });
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_reexport = !matches!(item.vis, syn::Visibility::Inherited);
        let span = item.use_token.span;
        for (segments, _) in leaves(&item.tree) {
            let path = self.add(segments, span);
            path.is_reexport = is_reexport;
            path.is_use = true;
        }
    }

    /// The path in `pub(in path)` names no dependency.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        let span = path.segments[0].ident.span();
        self.add(names.collect(), span);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let names = call
            .path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        let span = call.path.segments[0].ident.span();
        self.add(names.collect(), span).is_macro = true;
        self.read_tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.read_tokens(list.tokens.clone());
        }
    }
}

fn read_folder(root: &Path, folder: &Path, texts: &mut BTreeMap<PathBuf, String>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            read_folder(root, &path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let path = path.strip_prefix(root).expect("a file of the package");
            texts.insert(path.to_owned(), text);
        }
    }
}

/// The attributes of an item.
pub fn item_attrs(item: &syn::Item) -> &[syn::Attribute] {
    use syn::Item;
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The paths by which the files of a ring use each other: `file:line: path`.
pub fn uses_within(map: &Crate, ring: &[usize]) -> Vec<String> {
    let mut found = Vec::new();
    for index in ring {
        let file = &map.files[*index];
        for path in &file.paths {
            let Some(Target::Item(module, name)) = map.resolve(path) else {
                continue;
            };
            let target = map.file_of(&module).filter(|target| target != index);
            let is_inside = target.is_some_and(|target| ring.contains(&target));
            if is_inside && !path.in_test && !path.is_reexport {
                found.push(format!(
                    "{}:{}: {}::{name}",
                    file.path,
                    path.line,
                    module.join("::")
                ));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// A function outside of tests.
pub struct Function {
    pub place: String,
    pub name: String,
    pub lines: usize,
}

impl std::fmt::Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} lines", self.place, self.name, self.lines)
    }
}

/// All functions outside of tests that have a body.
pub fn functions(map: &Crate) -> Vec<Function> {
    let mut reader = FunctionReader::default();
    for file in map.files.iter().filter(|file| !file.is_test) {
        reader.file.clone_from(&file.path);
        reader.visit_file(&file.syntax);
    }
    reader.found
}

/// The functions of more lines than this.
pub fn long_functions(map: &Crate, lines: usize) -> Vec<Function> {
    let mut found = functions(map);
    found.retain(|function| function.lines > lines);
    found
}

#[derive(Default)]
struct FunctionReader {
    file: String,
    found: Vec<Function>,
}

impl FunctionReader {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let start = signature.fn_token.span.start().line;
        let end = block.brace_token.span.close().end().line;
        self.found.push(Function {
            place: format!("{}:{start}", self.file),
            name: signature.ident.to_string(),
            lines: end + 1 - start,
        });
    }
}

impl<'ast> Visit<'ast> for FunctionReader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if has_cfg_test(item_attrs(item)) {
            return;
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if has_cfg_test(&item.attrs) {
            return;
        }
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }
}
